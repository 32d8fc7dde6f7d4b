/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As little HTTP as a scrape needs: one request at a time, each with a second to be sent, and
 * the connection is closed after the answer.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/signals.h"
#include "output.h"
#include "serve.h"

#define REQUEST_MAX 4096

static int split_address(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':');
	size_t n;

	*port = colon ? colon + 1 : where;
	if (!colon) {
		snprintf(host, size, "127.0.0.1");
		return **port ? 0 : -1;
	}
	n = (size_t)(colon - where);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	if (n == 0 || n >= size || !**port)
		return -1;
	memcpy(host, where, n);
	host[n] = '\0';
	return 0;
}

static int listen_at(const char *where)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *a;
	char host[256];
	const char *port;
	int fd, e, one = 1;

	if (split_address(where, host, sizeof(host), &port)) {
		warnx("--listen %s: [address:]port is needed", where);
		return -1;
	}
	e = getaddrinfo(host, port, &hints, &a);
	if (e) {
		warnx("--listen %s: %s", where, gai_strerror(e));
		return -1;
	}
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 16)) {
		warn("--listen %s", where);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

/* Reads up to the empty line. 0, or -1: not in time, or too long. */
static int read_request(int fd, char buf[REQUEST_MAX])
{
	uint64_t end = now_ns() + NS_PER_SEC;
	size_t n = 0;
	ssize_t got;

	while (n < REQUEST_MAX - 1 && now_ns() < end && !stop_requested) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 200) <= 0)
			continue;
		got = recv(fd, buf + n, REQUEST_MAX - 1 - n, MSG_DONTWAIT);
		if (got <= 0)
			return -1;
		n += (size_t)got;
		buf[n] = '\0';
		if (strstr(buf, "\r\n\r\n") || strstr(buf, "\n\n"))
			return 0;
	}
	return -1;
}

static void send_all(int fd, const char *data, size_t len)
{
	uint64_t end = now_ns() + 5 * NS_PER_SEC;

	while (len && now_ns() < end && !stop_requested) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n;

		if (poll(&p, 1, 200) <= 0)
			continue;
		n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void answer(int fd, const char *status, const char *type, const char *body, size_t len,
		   int body_too)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n",
			 status, type, len);

	send_all(fd, head, (size_t)n);
	if (body_too)
		send_all(fd, body, len);
}

static void answer_text(int fd, const char *status, const char *text)
{
	answer(fd, status, "text/plain; charset=utf-8", text, strlen(text), 1);
}

static void answer_sample(int fd, struct sample *last, int json, int body_too)
{
	char error[STATE_ERROR + 1], *body = NULL;
	struct sample s;
	size_t len = 0;
	FILE *out;

	if (sample_take(&s, last->ns ? last : NULL, error)) {
		strcat(error, "\n");
		answer_text(fd, "503 Service Unavailable", error);
		return;
	}
	sample_free(last);
	*last = s;
	out = open_memstream(&body, &len);
	if (!out) {
		answer_text(fd, "503 Service Unavailable", "no memory\n");
		return;
	}
	if (json)
		output_json(out, &s);
	else
		output_prometheus(out, &s);
	fclose(out);
	answer(fd, "200 OK", json ? "application/json" : "text/plain; version=0.0.4; charset=utf-8",
	       body, len, body_too);
	free(body);
}

static void handle(int fd, struct sample *last)
{
	char request[REQUEST_MAX], method[8], path[128];

	if (read_request(fd, request))
		return;
	if (sscanf(request, "%7[A-Z] %127[^ \r\n?]", method, path) != 2) {
		answer_text(fd, "400 Bad Request", "not HTTP\n");
		return;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		answer_text(fd, "405 Method Not Allowed", "only GET\n");
	else if (strcmp(path, "/metrics") == 0)
		answer_sample(fd, last, 0, method[0] == 'G');
	else if (strcmp(path, "/json") == 0)
		answer_sample(fd, last, 1, method[0] == 'G');
	else
		answer_text(fd, "404 Not Found", "there are /metrics and /json\n");
}

int serve(const char *where)
{
	struct sample last = { 0 };
	int fd = listen_at(where), c;

	if (fd < 0)
		return -1;
	while (!stop_requested) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 500) <= 0)
			continue;
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0)
			continue;
		handle(c, &last);
		close(c);
	}
	sample_free(&last);
	close(fd);
	return 0;
}
