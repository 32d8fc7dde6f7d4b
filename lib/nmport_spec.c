/* SPDX-License-Identifier: BSD-2-Clause */
/* What the options of port names mean: share, conf, extmem, offset. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libnetmap.h"
#include "lib.h"

/*
 * The number that key id of the option has, 0 if it was not given. Decimal, or
 * hexadecimal after 0x.
 */
static int number(const struct nmreq_parse_ctx *pctx, const struct nmreq_opt_parser *p, int id,
		  uint64_t max, uint64_t *v)
{
	const char *text = pctx->keys[id];
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	*v = strtoull(text, &end, !strncasecmp(text, "0x", 2) ? 16 : 10);
	if (isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && *v <= max)
		return 0;
	nmctx_ferror(pctx->ctx, "option %s: %s=%s is not a number from 0 to %llu", p->prefix,
		     p->keys[id].key, text, (unsigned long long)max);
	errno = EINVAL;
	return -1;
}

static int parse_share(struct nmreq_parse_ctx *pctx)
{
	struct nmport_d *d = pctx->token;
	const char *p = pctx->keys[0];
	int32_t id = nmreq_get_mem_id(&p, pctx->ctx);

	if (id < 0)
		return -1;
	if (*p != '\0') {
		nmctx_ferror(pctx->ctx, "option share: '%s' after the name of the other port", p);
		errno = EINVAL;
		return -1;
	}
	if (d->reg.nr_mem_id != 0 && d->reg.nr_mem_id != id) {
		nmctx_ferror(pctx->ctx, "option share: %s is in memory region %d, not in %d",
			     pctx->keys[0], (int)id, (int)d->reg.nr_mem_id);
		errno = EINVAL;
		return -1;
	}
	d->reg.nr_mem_id = (uint16_t)id;
	return 0;
}

static struct nmreq_opt_parser opt_share = {
	.prefix = "share",
	.parse = parse_share,
	.nr_keys = 1,
	.keys = { { "port", 0, NMREQ_OPTK_MUSTSET | NMREQ_OPTK_DEFAULT } },
};

enum {
	CONF_RINGS,
	CONF_TX_RINGS,
	CONF_RX_RINGS,
	CONF_HOST_RINGS,
	CONF_HOST_TX_RINGS,
	CONF_HOST_RX_RINGS,
	CONF_SLOTS,
	CONF_TX_SLOTS,
	CONF_RX_SLOTS,
	CONF_NR,
};

static int parse_conf(struct nmreq_parse_ctx *pctx);

static struct nmreq_opt_parser opt_conf = {
	.prefix = "conf",
	.parse = parse_conf,
	.nr_keys = CONF_NR,
	.next = &opt_share,
	.keys =
		{
			{"rings", CONF_RINGS, NMREQ_OPTK_DEFAULT},
			{"tx-rings", CONF_TX_RINGS, 0},
			{"rx-rings", CONF_RX_RINGS, 0},
			{"host-rings", CONF_HOST_RINGS, 0},
			{"host-tx-rings", CONF_HOST_TX_RINGS, 0},
			{"host-rx-rings", CONF_HOST_RX_RINGS, 0},
			{"slots", CONF_SLOTS, 0},
			{"tx-slots", CONF_TX_SLOTS, 0},
			{"rx-slots", CONF_RX_SLOTS, 0},
		},
};

/* Key `both` counts for the two directions, except where key `tx` or `rx` is given too.
 */
static int conf_pair(struct nmreq_parse_ctx *pctx, int both, uint64_t max, uint64_t v[2])
{
	v[0] = v[1] = 0;
	if (number(pctx, &opt_conf, both, max, &v[0]) < 0)
		return -1;
	v[1] = v[0];
	if (number(pctx, &opt_conf, both + 1, max, &v[0]) < 0 ||
	    number(pctx, &opt_conf, both + 2, max, &v[1]) < 0)
		return -1;
	return 0;
}

static int parse_conf(struct nmreq_parse_ctx *pctx)
{
	struct nmport_d *d = pctx->token;
	uint64_t rings[2], host[2], slots[2];

	if (conf_pair(pctx, CONF_RINGS, UINT16_MAX, rings) < 0 ||
	    conf_pair(pctx, CONF_HOST_RINGS, UINT16_MAX, host) < 0 ||
	    conf_pair(pctx, CONF_SLOTS, UINT32_MAX, slots) < 0)
		return -1;
	d->reg.nr_tx_rings = (uint16_t)rings[0];
	d->reg.nr_rx_rings = (uint16_t)rings[1];
	d->reg.nr_host_tx_rings = (uint16_t)host[0];
	d->reg.nr_host_rx_rings = (uint16_t)host[1];
	d->reg.nr_tx_slots = (uint32_t)slots[0];
	d->reg.nr_rx_slots = (uint32_t)slots[1];
	return 0;
}

static int parse_extmem(struct nmreq_parse_ctx *pctx);

static struct nmreq_opt_parser opt_extmem = {
	.prefix = "extmem",
	.parse = parse_extmem,
	.nr_keys = 7,
	.next = &opt_conf,
	.keys =
		{
			{"file", 0, NMREQ_OPTK_MUSTSET | NMREQ_OPTK_DEFAULT},
			{"if-num", 1, 0},
			{"if-size", 2, 0},
			{"ring-num", 3, 0},
			{"ring-size", 4, 0},
			{"buf-num", 5, 0},
			{"buf-size", 6, 0},
		},
};

static int parse_extmem(struct nmreq_parse_ctx *pctx)
{
	struct nmport_d *d = pctx->token;
	struct nmreq_pools_info *info;
	uint64_t v[7] = { 0 };
	int i;

	for (i = 1; i < 7; i++) {
		if (number(pctx, &opt_extmem, i, UINT32_MAX, &v[i]) < 0)
			return -1;
	}
	if (nmport_extmem_from_file(d, pctx->keys[0]) < 0)
		return -1;
	info = nmport_extmem_getinfo(d);
	info->nr_if_pool_objtotal = (uint32_t)v[1];
	info->nr_if_pool_objsize = (uint32_t)v[2];
	info->nr_ring_pool_objtotal = (uint32_t)v[3];
	info->nr_ring_pool_objsize = (uint32_t)v[4];
	info->nr_buf_pool_objtotal = (uint32_t)v[5];
	info->nr_buf_pool_objsize = (uint32_t)v[6];
	return 0;
}

static int parse_offset(struct nmreq_parse_ctx *pctx);

/* Disabled at first: only programs that use NETMAP_BUF_OFFSET() can cope with offsets. */
static struct nmreq_opt_parser opt_offset = {
	.prefix = "offset",
	.parse = parse_offset,
	.nr_keys = 2,
	.flags = NMREQ_OPTF_DISABLED,
	.next = &opt_extmem,
	.keys =
		{
			{"initial", 0, NMREQ_OPTK_MUSTSET | NMREQ_OPTK_DEFAULT},
			{"bits", 1, 0},
		},
};

static int parse_offset(struct nmreq_parse_ctx *pctx)
{
	struct nmport_d *d = pctx->token;
	uint64_t initial = 0, bits = 0;

	if (number(pctx, &opt_offset, 0, UINT64_MAX, &initial) < 0 ||
	    number(pctx, &opt_offset, 1, 64, &bits) < 0)
		return -1;
	return nmport_offset(d, initial, initial, bits, 0);
}

static struct nmreq_opt_parser *const opts = &opt_offset;

int nmport_options_decode(struct nmport_d *d, const char *opt)
{
	return nmreq_options_decode(opt, opts, d, d->ctx);
}

static struct nmreq_opt_parser *find_option(const char *name)
{
	struct nmreq_opt_parser *p;

	for (p = opts; p != NULL && strcmp(p->prefix, name); p = p->next)
		;
	return p;
}

void nmport_disable_option(const char *opt)
{
	struct nmreq_opt_parser *p = find_option(opt);

	if (p != NULL)
		p->flags |= NMREQ_OPTF_DISABLED;
}

int nmport_enable_option(const char *opt)
{
	struct nmreq_opt_parser *p = find_option(opt);

	if (p == NULL) {
		errno = EOPNOTSUPP;
		return -1;
	}
	p->flags &= ~NMREQ_OPTF_DISABLED;
	return 0;
}
