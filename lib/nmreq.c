/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests: the header, and the list of options that hangs on it. */
#include <errno.h>
#include <string.h>

#include "libnetmap.h"
#include "lib.h"

void nmreq_header_init(struct nmreq_header *hdr, uint16_t reqtype, void *body)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->nr_version = NETMAP_API;
	hdr->nr_reqtype = reqtype;
	hdr->nr_body = (uintptr_t)body;
}

void nmreq_push_option(struct nmreq_header *hdr, struct nmreq_option *opt)
{
	opt->nro_next = hdr->nr_options;
	hdr->nr_options = (uintptr_t)opt;
}

void nmreq_remove_option(struct nmreq_header *hdr, struct nmreq_option *opt)
{
	uint64_t *link = &hdr->nr_options;

	while (*link != 0) {
		struct nmreq_option *o = (struct nmreq_option *)(uintptr_t)*link;

		if (o == opt) {
			*link = o->nro_next;
			o->nro_next = 0;
			return;
		}
		link = &o->nro_next;
	}
}

struct nmreq_option *nmreq_find_option(struct nmreq_header *hdr, uint32_t reqtype)
{
	struct nmreq_option *o;

	nmreq_foreach_option(hdr, o)
	{
		if (o->nro_reqtype == reqtype)
			return o;
	}
	return NULL;
}

void nmreq_free_options(struct nmreq_header *hdr)
{
	struct nmreq_option *o = (struct nmreq_option *)(uintptr_t)hdr->nr_options;

	hdr->nr_options = 0;
	while (o != NULL) {
		struct nmreq_option *next = (struct nmreq_option *)(uintptr_t)o->nro_next;

		nmctx_free(nmctx_get(), o);
		o = next;
	}
}

const char *nmreq_option_name(uint32_t reqtype)
{
	switch (reqtype) {
	case NETMAP_REQ_OPT_EXTMEM:
		return "extmem";
	case NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS:
		return "sync-kloop-eventfds";
	case NETMAP_REQ_OPT_CSB:
		return "csb";
	case NETMAP_REQ_OPT_SYNC_KLOOP_MODE:
		return "sync-kloop-mode";
	case NETMAP_REQ_OPT_OFFSETS:
		return "offsets";
	default:
		return "unknown";
	}
}

/*
 * Executes a request on fd. On failure, says which option was to blame, if one was: the
 * host leaves a status in each that it did not like.
 */
int nm_ctrl(int fd, struct nmreq_header *hdr, const char *what, struct nmctx *ctx)
{
	struct nmreq_option *o;
	const char *reason;
	int e;

	/* A status that an earlier attempt left must not be blamed for this one. */
	nmreq_foreach_option(hdr, o) o->nro_status = 0;
	if (nmhost_ioctl(fd, NIOCCTRL, hdr) == 0)
		return 0;
	e = errno;
	reason = nmhost_strerror(fd);
	nmreq_foreach_option(hdr, o)
	{
		if (o->nro_status != 0)
			nmctx_ferror(ctx, "%s: option %s: %s", hdr->nr_name,
				     nmreq_option_name(o->nro_reqtype),
				     strerror((int)o->nro_status));
	}
	if (strstr(reason, hdr->nr_name) != NULL && hdr->nr_name[0] != '\0')
		nmctx_ferror(ctx, "%s", reason);
	else if (*reason != '\0')
		nmctx_ferror(ctx, "%s: %s", hdr->nr_name, reason);
	else
		nmctx_ferror(ctx, "%s: %s: %s", hdr->nr_name, what, strerror(e));
	errno = e;
	return -1;
}

/* Opens a descriptor on the host. */
int nm_host_fd(const char *name, struct nmctx *ctx)
{
	int fd = nmhost_open();
	int e = errno;

	if (fd >= 0)
		return fd;
	nmctx_ferror(ctx, "%s: %s", name,
		     *nmhost_strerror(-1) != '\0' ? nmhost_strerror(-1) : strerror(e));
	errno = e;
	return -1;
}

int32_t nmreq_get_mem_id(const char **portname, struct nmctx *ctx)
{
	struct nmreq_port_info_get info;
	struct nmreq_header hdr;
	const char *p = *portname;
	int fd, ret, e;

	memset(&info, 0, sizeof(info));
	nmreq_header_init(&hdr, NETMAP_REQ_PORT_INFO_GET, &info);
	if (nmreq_header_decode(&p, &hdr, ctx) < 0)
		return -1;
	fd = nm_host_fd(hdr.nr_name, ctx);
	if (fd < 0)
		return -1;
	ret = nm_ctrl(fd, &hdr, "cannot ask for its memory region", ctx);
	e = errno;
	nmhost_close(fd);
	errno = e;
	if (ret < 0)
		return -1;
	*portname = p;
	return info.nr_mem_id;
}
