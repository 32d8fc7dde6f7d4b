/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets that pkt-gen sends: headers, checksums and ranges. Every variant is checked with
 * sums that are computed here from nothing, in the plain way of RFC 1071.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "../../apps/pkt-gen/frame.h"
#include "../../apps/pkt-gen/packet.h"
#include "check.h"

static struct packet packet;

static struct packet_spec base_spec(int af, uint8_t proto)
{
	struct packet_spec s = {
		.af = af,
		.proto = proto,
		.src_mac = { 2, 0, 0, 0, 0, 1 },
		.dst_mac = { 2, 0, 0, 0, 0, 2 },
		.size_min = 128,
		.size_max = 128,
		.seed = 42,
	};
	const char *why;

	CHECK(endpoint_parse(af == AF_INET ? "10.0.0.1:1000" : "[fd00::1]:1000", 0, &s.src, &why) ==
	      0);
	CHECK(endpoint_parse(af == AF_INET ? "10.1.0.1:2000" : "[fd00:1::1]:2000", 0, &s.dst,
			     &why) == 0);
	return s;
}

static uint32_t slow_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void check_sums(const struct packet *p)
{
	const uint8_t *ip = p->frame + p->vnet_len + 14, *l4;
	size_t ip_len = p->len - p->vnet_len - 14, l4_len;
	struct frame_faults faults = { 0 };
	uint32_t pseudo;

	if (ip[0] >> 4 == 4) {
		CHECK((size_t)(ip[2] << 8 | ip[3]) == ip_len, "total length");
		CHECK(slow_sum(ip, 20, 0) == 0xffff, "IPv4 checksum");
		l4 = ip + 20;
		l4_len = ip_len - 20;
		pseudo = slow_sum(ip + 12, 8, 0);
	} else {
		CHECK((size_t)(ip[4] << 8 | ip[5]) == ip_len - 40, "payload length");
		l4 = ip + 40;
		l4_len = ip_len - 40;
		pseudo = slow_sum(ip + 8, 32, 0);
	}
	pseudo += p->proto + (uint32_t)l4_len;
	CHECK(slow_sum(l4, l4_len, pseudo) == 0xffff, "checksum of %u bytes", p->len);
	if (p->proto == IPPROTO_UDP) {
		CHECK((size_t)(l4[4] << 8 | l4[5]) == l4_len, "UDP length");
		CHECK(l4[6] || l4[7], "no UDP checksum");
	}
	frame_check(p->frame + p->vnet_len, p->len - p->vnet_len, &faults);
	CHECK(faults.checked == 1 && !faults.length && !faults.ip_csum && !faults.l4_csum,
	      "frame_check() disagrees");
}

static void test_fixed(int af, uint8_t proto)
{
	struct packet_spec s = base_spec(af, proto);
	const char *why;

	for (unsigned size = packet_min_size(af, proto, 0); size < 200; size++) {
		s.size_min = s.size_max = size;
		CHECK(packet_init(&packet, &s, &why) == 0);
		CHECK(packet.varies == 0);
		CHECK(packet.len == size);
		check_sums(&packet);
		packet_free(&packet);
	}
	s.size_min = s.size_max = packet_min_size(af, proto, 0) - 1;
	CHECK(packet_init(&packet, &s, &why) != 0);
}

static void test_sizes(int af, uint8_t proto, unsigned vnet)
{
	struct packet_spec s = base_spec(af, proto);
	unsigned low = 9999, high = 0;
	const char *why;

	s.vnet_len = vnet;
	s.size_min = packet_min_size(af, proto, 1);
	s.size_max = 1514;
	s.stamped = 1;
	s.kind = STAMP_DATA;
	CHECK(packet_init(&packet, &s, &why) == 0);
	for (int i = 0; i < 20000; i++) {
		packet_next(&packet, (uint64_t)i * 123456789);
		if (i % 7 == 0)
			check_sums(&packet);
		low = packet.len < low ? packet.len : low;
		high = packet.len > high ? packet.len : high;
	}
	CHECK(low == s.size_min + vnet && high == 1514 + vnet, "sizes %u to %u", low, high);
	packet_free(&packet);
}

static void test_mix(void)
{
	struct packet_spec s = base_spec(AF_INET, IPPROTO_UDP);
	unsigned sizes[3] = { 60, 590, 1514 }, seen[3] = { 0 };
	const char *why;

	s.mix_count = 12;
	for (unsigned i = 0; i < 12; i++)
		s.mix_size[i] = sizes[i < 7 ? 0 : i < 11 ? 1 : 2];
	CHECK(packet_init(&packet, &s, &why) == 0);
	for (int i = 0; i < 1200; i++) {
		packet_next(&packet, 0);
		check_sums(&packet);
		for (int k = 0; k < 3; k++)
			seen[k] += packet.len == sizes[k];
	}
	CHECK(seen[0] == 700 && seen[1] == 400 && seen[2] == 100);
	packet_free(&packet);
}

/* All combinations come once in a round, and every packet is valid. */
static void test_ranges(int af)
{
	static unsigned char seen[5][4][3][6];
	struct packet_spec s = base_spec(af, IPPROTO_UDP);
	const char *why;
	int all = 5 * 4 * 3 * 6;

	CHECK(endpoint_parse(af == AF_INET ? "10.0.0.254:1000-10.0.1.1:1004" :
					     "[fd00::fe]:1000-[fd00::101]:1004",
			     0, &s.src, &why) == 0);
	CHECK(endpoint_parse(af == AF_INET ? "10.1.0.1:2000-10.1.0.3:2005" :
					     "[fd00:1::1]:2000-[fd00:1::3]:2005",
			     0, &s.dst, &why) == 0);
	CHECK(packet_init(&packet, &s, &why) == 0);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 2 * all; i++) {
		const uint8_t *ip = packet.frame + packet.ip, *l4 = packet.frame + packet.l4;
		unsigned sp, dp, sa, da;

		packet_next(&packet, 0);
		check_sums(&packet);
		sa = af == AF_INET ? (unsigned)(ip[14] << 8 | ip[15]) - 0xfe :
				     (unsigned)(ip[22] << 8 | ip[23]) - 0xfe;
		da = af == AF_INET ? ip[19] - 1u : ip[39] - 1u;
		sp = (unsigned)(l4[0] << 8 | l4[1]) - 1000;
		dp = (unsigned)(l4[2] << 8 | l4[3]) - 2000;
		CHECK(sp < 5 && sa < 4 && da < 3 && dp < 6);
		if (sp < 5 && sa < 4 && da < 3 && dp < 6)
			CHECK(seen[sp][sa][da][dp]++ == i / all, "packet %d", i);
		if (i == 0)
			CHECK(sp == 0 && sa == 0 && dp == 0 && da == 0, "first packet");
	}
	packet_free(&packet);
}

static void test_random(int af)
{
	struct packet_spec s = base_spec(af, IPPROTO_TCP);
	unsigned ports = 0;
	uint16_t last = 0;
	const char *why;

	s.random_src = 1;
	CHECK(packet_init(&packet, &s, &why) == 0);
	for (int i = 0; i < 1000; i++) {
		uint16_t port;

		packet_next(&packet, 0);
		check_sums(&packet);
		memcpy(&port, packet.frame + packet.l4, 2);
		ports += port != last;
		last = port;
		memcpy(&port, packet.frame + packet.l4 + 2, 2);
		CHECK(ntohs(port) == 2000, "the destination stays");
	}
	CHECK(ports > 980, "%u changes", ports);
	packet_free(&packet);
}

static void test_stamp_and_turn(int af, uint8_t proto)
{
	struct packet_spec s = base_spec(af, proto);
	struct stamp st;
	const char *why;
	uint8_t *at;

	s.stamped = 1;
	s.kind = STAMP_PING;
	s.stream = 1234;
	CHECK(packet_init(&packet, &s, &why) == 0);
	for (uint32_t i = 0; i < 70000; i += 333) {
		packet_stamp(&packet, i, i * 1000003ULL * 65537);
		check_sums(&packet);
		at = frame_find_stamp(packet.frame, packet.len);
		CHECK(at == packet.frame + packet.payload);
		CHECK(at && stamp_read(at, &st) == 0 && st.kind == STAMP_PING &&
		      st.stream == 1234 && st.seq == i && st.ts_ns == i * 1000003ULL * 65537);
	}
	frame_turn(packet.frame, packet.frame + packet.payload);
	check_sums(&packet);
	CHECK(memcmp(packet.frame, s.src_mac, 6) == 0);
	CHECK(memcmp(packet.frame + 6, s.dst_mac, 6) == 0);
	CHECK(stamp_read(packet.frame + packet.payload, &st) == 0 && st.kind == STAMP_PONG);
	CHECK(packet.frame[packet.l4] == 2000 >> 8 && packet.frame[packet.l4 + 3] == (1000 & 255));
	packet_free(&packet);
}

static void test_hostile_frames(void)
{
	struct packet_spec s = base_spec(AF_INET, IPPROTO_UDP);
	struct frame_faults f = { 0 };
	struct rng rng;
	const char *why;
	uint8_t *copy;

	s.stamped = 1;
	CHECK(packet_init(&packet, &s, &why) == 0);
	rng_seed(&rng, 7);
	/* Exact allocations, so that the sanitizers see every byte too far. */
	for (size_t len = 1; len <= 128; len++) {
		copy = malloc(len);
		memcpy(copy, packet.frame, len);
		CHECK((frame_find_stamp(copy, len) != NULL) == (len >= 128), "cut at %zu", len);
		frame_check(copy, len, &f);
		for (int i = 0; i < 2000; i++) {
			copy[rng_below(&rng, len)] = (uint8_t)rng_next(&rng);
			frame_find_stamp(copy, len);
			frame_check(copy, len, &f);
		}
		free(copy);
	}
	packet_free(&packet);
}

static void test_addresses(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"10.0.0",
		"10.0.0.1:",
		"10.0.0.1:65536",
		"10.0.0.1:1-10.0.0.0:1",
		"10.0.0.1-fd00::1",
		"[fd00::1",
		"[fd00::1]x",
		"fd00::1-fd01::1",
		"10.0.0.1-",
		"10.0.0.1:-1",
		"10.0.0.1:2-10.0.0.1:1",
	};
	struct endpoint e;
	const char *why;
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(endpoint_parse(bad[i], 1, &e, &why) != 0, "%s", bad[i]);
	CHECK(endpoint_parse("10.0.0.1-10.0.0.9", 7, &e, &why) == 0 && e.port_first == 7 &&
	      e.port_last == 7 && e.last - e.first == 8);
	CHECK(endpoint_parse("fd00::1", 7, &e, &why) == 0 && e.af == AF_INET6 && e.first == 1);
	CHECK(mac_parse("aa:bb:cc:dd:ee:0f", mac) == 0 && mac[5] == 15);
	CHECK(mac_parse("aa:bb:cc:dd:ee", mac) && mac_parse("aa:bb:cc:dd:ee:0g", mac) &&
	      mac_parse("aa:bb:cc:dd:ee:ff0", mac));
}

int main(void)
{
	for (int i = 0; i < 4; i++) {
		int af = i & 1 ? AF_INET6 : AF_INET;
		uint8_t proto = i & 2 ? IPPROTO_TCP : IPPROTO_UDP;

		test_fixed(af, proto);
		test_sizes(af, proto, i & 1 ? 12 : 0);
		test_stamp_and_turn(af, proto);
	}
	test_mix();
	test_ranges(AF_INET);
	test_ranges(AF_INET6);
	test_random(AF_INET);
	test_random(AF_INET6);
	test_hostile_frames();
	test_addresses();
	return check_result();
}
