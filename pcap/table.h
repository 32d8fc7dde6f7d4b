/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every function of libpcap, once. The table is expanded to the pointers into the system's
 * library (system.h), to the declarations of our own part (handle.h) and to the exported
 * functions that choose between them (front.c).
 *
 *	PLAIN(ret, name, params, args)	is none of our business: always the system's
 *	HANDLE(...)			the first argument, p, says whose it is
 *	OWN(...)			ours in any case; may ask the system's in turn
 */

/* (it takes the parameters for products) */
/* clang-format off */

/* Settings of a handle that is not active yet. */
HANDLE(int, pcap_set_snaplen, (pcap_t *p, int len), (p, len))
HANDLE(int, pcap_set_promisc, (pcap_t *p, int on), (p, on))
HANDLE(int, pcap_can_set_rfmon, (pcap_t *p), (p))
HANDLE(int, pcap_set_rfmon, (pcap_t *p, int on), (p, on))
HANDLE(int, pcap_set_timeout, (pcap_t *p, int ms), (p, ms))
HANDLE(int, pcap_set_tstamp_type, (pcap_t *p, int type), (p, type))
HANDLE(int, pcap_set_immediate_mode, (pcap_t *p, int on), (p, on))
HANDLE(int, pcap_set_buffer_size, (pcap_t *p, int size), (p, size))
HANDLE(int, pcap_set_tstamp_precision, (pcap_t *p, int prec), (p, prec))
HANDLE(int, pcap_set_protocol_linux, (pcap_t *p, int proto), (p, proto))
HANDLE(int, pcap_list_tstamp_types, (pcap_t *p, int **list), (p, list))
HANDLE(int, pcap_activate, (pcap_t *p), (p))

/* Facts about a handle. */
HANDLE(int, pcap_get_tstamp_precision, (pcap_t *p), (p))
HANDLE(int, pcap_datalink, (pcap_t *p), (p))
HANDLE(int, pcap_datalink_ext, (pcap_t *p), (p))
HANDLE(int, pcap_list_datalinks, (pcap_t *p, int **list), (p, list))
HANDLE(int, pcap_set_datalink, (pcap_t *p, int dlt), (p, dlt))
HANDLE(int, pcap_snapshot, (pcap_t *p), (p))
HANDLE(int, pcap_is_swapped, (pcap_t *p), (p))
HANDLE(int, pcap_major_version, (pcap_t *p), (p))
HANDLE(int, pcap_minor_version, (pcap_t *p), (p))
HANDLE(int, pcap_bufsize, (pcap_t *p), (p))
HANDLE(FILE *, pcap_file, (pcap_t *p), (p))
HANDLE(int, pcap_fileno, (pcap_t *p), (p))
HANDLE(int, pcap_get_selectable_fd, (pcap_t *p), (p))
HANDLE(const struct timeval *, pcap_get_required_select_timeout, (pcap_t *p), (p))
HANDLE(int, pcap_stats, (pcap_t *p, struct pcap_stat *st), (p, st))
HANDLE(char *, pcap_geterr, (pcap_t *p), (p))
HANDLE(void, pcap_perror, (pcap_t *p, const char *prefix), (p, prefix))

/* Packets. */
HANDLE(int, pcap_loop, (pcap_t *p, int cnt, pcap_handler cb, u_char *user),
       (p, cnt, cb, user))
HANDLE(int, pcap_dispatch, (pcap_t *p, int cnt, pcap_handler cb, u_char *user),
       (p, cnt, cb, user))
HANDLE(const u_char *, pcap_next, (pcap_t *p, struct pcap_pkthdr *h), (p, h))
HANDLE(int, pcap_next_ex, (pcap_t *p, struct pcap_pkthdr **h, const u_char **data),
       (p, h, data))
HANDLE(void, pcap_breakloop, (pcap_t *p), (p))
HANDLE(int, pcap_setfilter, (pcap_t *p, struct bpf_program *prog), (p, prog))
HANDLE(int, pcap_setdirection, (pcap_t *p, pcap_direction_t dir), (p, dir))
HANDLE(int, pcap_getnonblock, (pcap_t *p, char *err), (p, err))
HANDLE(int, pcap_setnonblock, (pcap_t *p, int on, char *err), (p, on, err))
HANDLE(int, pcap_inject, (pcap_t *p, const void *buf, size_t size), (p, buf, size))
HANDLE(int, pcap_sendpacket, (pcap_t *p, const u_char *buf, int size), (p, buf, size))
HANDLE(void, pcap_close, (pcap_t *p), (p))

/* What the system's library does in the name of one of our handles. */
HANDLE(int, pcap_compile, (pcap_t *p, struct bpf_program *prog, const char *expr, int opt,
       bpf_u_int32 mask), (p, prog, expr, opt, mask))
HANDLE(pcap_dumper_t *, pcap_dump_open, (pcap_t *p, const char *path), (p, path))
HANDLE(pcap_dumper_t *, pcap_dump_open_append, (pcap_t *p, const char *path), (p, path))
HANDLE(pcap_dumper_t *, pcap_dump_fopen, (pcap_t *p, FILE *f), (p, f))

/* Devices. */
OWN(pcap_t *, pcap_create, (const char *dev, char *err), (dev, err))
OWN(pcap_t *, pcap_open_live, (const char *dev, int snaplen, int promisc, int ms, char *err),
    (dev, snaplen, promisc, ms, err))
OWN(int, pcap_lookupnet, (const char *dev, bpf_u_int32 *net, bpf_u_int32 *mask, char *err),
    (dev, net, mask, err))
OWN(int, pcap_findalldevs, (pcap_if_t **list, char *err), (list, err))
OWN(void, pcap_freealldevs, (pcap_if_t *list), (list))

PLAIN(int, pcap_init, (unsigned int opts, char *err), (opts, err))
PLAIN(char *, pcap_lookupdev, (char *err), (err))
PLAIN(const char *, pcap_lib_version, (void), ())

/* Savefiles. */
PLAIN(pcap_t *, pcap_open_dead, (int dlt, int snaplen), (dlt, snaplen))
PLAIN(pcap_t *, pcap_open_dead_with_tstamp_precision, (int dlt, int snaplen, u_int prec),
      (dlt, snaplen, prec))
PLAIN(pcap_t *, pcap_open_offline, (const char *path, char *err), (path, err))
PLAIN(pcap_t *, pcap_open_offline_with_tstamp_precision,
      (const char *path, u_int prec, char *err), (path, prec, err))
PLAIN(pcap_t *, pcap_fopen_offline, (FILE *f, char *err), (f, err))
PLAIN(pcap_t *, pcap_fopen_offline_with_tstamp_precision, (FILE *f, u_int prec, char *err),
      (f, prec, err))
PLAIN(void, pcap_dump, (u_char *user, const struct pcap_pkthdr *h, const u_char *data),
      (user, h, data))
PLAIN(FILE *, pcap_dump_file, (pcap_dumper_t *d), (d))
PLAIN(long, pcap_dump_ftell, (pcap_dumper_t *d), (d))
PLAIN(int64_t, pcap_dump_ftell64, (pcap_dumper_t *d), (d))
PLAIN(int, pcap_dump_flush, (pcap_dumper_t *d), (d))
PLAIN(void, pcap_dump_close, (pcap_dumper_t *d), (d))

/* Names and texts. */
PLAIN(const char *, pcap_statustostr, (int status), (status))
PLAIN(const char *, pcap_strerror, (int error), (error))
PLAIN(int, pcap_tstamp_type_name_to_val, (const char *name), (name))
PLAIN(const char *, pcap_tstamp_type_val_to_name, (int type), (type))
PLAIN(const char *, pcap_tstamp_type_val_to_description, (int type), (type))
PLAIN(void, pcap_free_tstamp_types, (int *list), (list))
PLAIN(int, pcap_datalink_name_to_val, (const char *name), (name))
PLAIN(const char *, pcap_datalink_val_to_name, (int dlt), (dlt))
PLAIN(const char *, pcap_datalink_val_to_description, (int dlt), (dlt))
PLAIN(const char *, pcap_datalink_val_to_description_or_dlt, (int dlt), (dlt))
PLAIN(void, pcap_free_datalinks, (int *list), (list))
PLAIN(struct pcap_etherent *, pcap_next_etherent, (FILE *f), (f))
PLAIN(u_char *, pcap_ether_hostton, (const char *name), (name))
PLAIN(u_char *, pcap_ether_aton, (const char *text), (text))
PLAIN(bpf_u_int32 **, pcap_nametoaddr, (const char *name), (name))
PLAIN(struct addrinfo *, pcap_nametoaddrinfo, (const char *name), (name))
PLAIN(bpf_u_int32, pcap_nametonetaddr, (const char *name), (name))
PLAIN(int, pcap_nametoport, (const char *name, int *port, int *proto), (name, port, proto))
PLAIN(int, pcap_nametoportrange, (const char *name, int *port1, int *port2, int *proto),
      (name, port1, port2, proto))
PLAIN(int, pcap_nametoproto, (const char *name), (name))
PLAIN(int, pcap_nametoeproto, (const char *name), (name))
PLAIN(int, pcap_nametollc, (const char *name), (name))

/* Filter programs. */
PLAIN(int, pcap_compile_nopcap, (int snaplen, int dlt, struct bpf_program *prog,
      const char *expr, int opt, bpf_u_int32 mask), (snaplen, dlt, prog, expr, opt, mask))
PLAIN(void, pcap_freecode, (struct bpf_program *prog), (prog))
PLAIN(int, pcap_offline_filter, (const struct bpf_program *prog,
      const struct pcap_pkthdr *h, const u_char *data), (prog, h, data))
PLAIN(u_int, bpf_filter, (const struct bpf_insn *insns, const u_char *data, u_int len,
      u_int caplen), (insns, data, len, caplen))
PLAIN(int, bpf_validate, (const struct bpf_insn *insns, int n), (insns, n))
PLAIN(char *, bpf_image, (const struct bpf_insn *insn, int n), (insn, n))
PLAIN(void, bpf_dump, (const struct bpf_program *prog, int option), (prog, option))

#undef PLAIN
#undef HANDLE
#undef OWN

/* clang-format on */
