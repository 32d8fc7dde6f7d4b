/* SPDX-License-Identifier: BSD-2-Clause */
/* nm-top: ports, rings, rates and drops, live. See nm-top(8). */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/printed.h"
#include "../common/signals.h"
#include "../common/units.h"
#include "output.h"
#include "serve.h"

#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: nm-top [-abr] [-d seconds] [-n times] [-s name|rate|drops]\n"
	"       nm-top --json | --prometheus [-d seconds] [-n times]\n"
	"       nm-top --listen [address:]port\n"
	"\n"
	"  -a              ports that no program has open, too\n"
	"  -b              no terminal control: one table after the other\n"
	"  -r              a line for each ring, with its queue\n"
	"  -d seconds      between two looks (default 1)\n"
	"  -n times        end after so many looks (default: no end; JSON, Prometheus: 1)\n"
	"  -s order        name (default), rate or drops\n"
	"  --json          JSON, a line for each look\n"
	"  --prometheus    the text format of Prometheus\n"
	"  --listen where  serve /metrics (Prometheus) and /json by HTTP\n"
	"  -h, --help      this text\n"
	"\n"
	"keys: q quit, r rings, a all ports, s next order, space: look now\n";

enum mode {
	MODE_SCREEN,
	MODE_BATCH,
	MODE_JSON,
	MODE_PROMETHEUS,
};

struct top {
	enum mode mode;
	struct view view;
	double interval;
	uint64_t times;
	int times_given;
	const char *listen;
};

/* ---- the terminal ---------------------------------------------------------------------- */

static struct termios saved;
static int terminal_changed;

static void restore_terminal(void)
{
	if (!terminal_changed)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	/* Show the cursor, leave the other screen. */
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	terminal_changed = 0;
}

static void take_terminal(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &saved))
		return;
	t = saved;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	terminal_changed = 1;
	atexit(restore_terminal);
	fputs("\033[?1049h\033[?25l", stdout);
}

static void fit_view(struct view *v)
{
	struct winsize w;

	v->width = 80;
	v->lines = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		v->width = w.ws_col;
		v->lines = w.ws_row;
	}
	v->lines--; /* the last newline would scroll */
	v->end_of_line = "\033[K";
}

static void handle_key(struct top *t, char key)
{
	switch (key) {
	case 'q':
		stop_requested = 1;
		break;
	case 'r':
		t->view.rings ^= 1;
		break;
	case 'a':
		t->view.all ^= 1;
		break;
	case 's':
		t->view.sort = (t->view.sort + 1) % (SORT_DROPS + 1);
		break;
	}
}

/* Sleeps until `end`, or until a key is pressed. */
static void wait_for(struct top *t, uint64_t end)
{
	uint64_t now;

	while (!stop_requested && (now = now_ns()) < end) {
		struct pollfd p = { .fd = t->mode == MODE_SCREEN ? STDIN_FILENO : -1,
				    .events = POLLIN };
		char key;

		if (poll(&p, 1, (int)((end - now) / 1000000) + 1) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1) {
			stop_requested = 1; /* the terminal is gone */
			return;
		}
		handle_key(t, key);
		return;
	}
}

/* ---- looks ------------------------------------------------------------------------------- */

static void show(struct top *t, const struct sample *s)
{
	switch (t->mode) {
	case MODE_SCREEN:
		fit_view(&t->view);
		fputs("\033[H", stdout);
		output_table(stdout, s, &t->view);
		fputs("\033[J", stdout);
		break;
	case MODE_BATCH:
		output_table(stdout, s, &t->view);
		putchar('\n');
		break;
	case MODE_JSON:
		output_json(stdout, s);
		break;
	case MODE_PROMETHEUS:
		output_prometheus(stdout, s);
		break;
	}
	fflush(stdout);
}

static int run(struct top *t)
{
	struct sample last = { 0 }, s;
	char error[STATE_ERROR];
	uint64_t looks = 0, next = now_ns();

	if (t->mode == MODE_SCREEN)
		take_terminal();
	while (!stop_requested && !ferror(stdout)) {
		if (sample_take(&s, looks ? &last : NULL, error)) {
			restore_terminal();
			warnx("%s", error);
			sample_free(&last);
			return -1;
		}
		sample_free(&last);
		last = s;
		show(t, &last);
		if (++looks == t->times)
			break;
		next = now_ns() + (uint64_t)(t->interval * 1e9);
		wait_for(t, next);
	}
	sample_free(&last);
	restore_terminal();
	return 0;
}

/* ---- options ------------------------------------------------------------------------------ */

static int parse_sort(struct top *t, const char *arg)
{
	static const char *const names[] = { "name", "rate", "drops" };

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(arg, names[i]) == 0) {
			t->view.sort = (enum sort)i;
			return -1;
		}
	}
	warnx("-s %s: the order is name, rate or drops", arg);
	return EXIT_USAGE;
}

static int parse_option(struct top *t, int c, const char *arg)
{
	double ns;

	switch (c) {
	case 'a':
		t->view.all = 1;
		return -1;
	case 'b':
		t->mode = MODE_BATCH;
		return -1;
	case 'r':
		t->view.rings = 1;
		return -1;
	case 'd':
		if (parse_time_ns(arg, &ns) || ns < 1e7 || ns > 1e15) {
			warnx("-d %s: a time is needed, at least 10ms", arg);
			return EXIT_USAGE;
		}
		t->interval = ns / 1e9;
		return -1;
	case 'n':
		if (parse_count(arg, &t->times)) {
			warnx("-n %s: a whole number is needed", arg);
			return EXIT_USAGE;
		}
		t->times_given = 1;
		return -1;
	case 's':
		return parse_sort(t, arg);
	case 'J':
		t->mode = MODE_JSON;
		return -1;
	case 'P':
		t->mode = MODE_PROMETHEUS;
		return -1;
	case 'L':
		t->listen = arg;
		return -1;
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	default:
		fputs("nm-top --help shows all options\n", stderr);
		return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "prometheus", no_argument, NULL, 'P' },
		{ "listen", required_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct top t = { .interval = 1, .view.end_of_line = "" };
	int c, r;

	printed_check_at_exit();
	while ((c = getopt_long(argc, argv, "abrd:n:s:h", longs, NULL)) != -1) {
		r = parse_option(&t, c, optarg);
		if (r >= 0)
			return r;
	}
	if (optind < argc) {
		warnx("%s: not an option; nm-top --help shows all", argv[optind]);
		return EXIT_USAGE;
	}
	if (t.mode == MODE_SCREEN && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
		t.mode = MODE_BATCH;
	if (!t.times_given && (t.mode == MODE_JSON || t.mode == MODE_PROMETHEUS))
		t.times = 1;
	signals_init();
	if (t.listen)
		return serve(t.listen) ? EXIT_FAILURE : EXIT_SUCCESS;
	return run(&t) ? EXIT_FAILURE : EXIT_SUCCESS;
}
