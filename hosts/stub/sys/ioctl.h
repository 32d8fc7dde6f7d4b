/* SPDX-License-Identifier: BSD-2-Clause */
/* How Linux numbers its requests. */
#define _IOC(dir, type, nr, size) ((dir) << 30 | (size) << 16 | (type) << 8 | (nr))
#define _IO(type, nr)		  _IOC(0u, type, nr, 0)
#define _IOWR(type, nr, t)	  _IOC(3u, type, nr, (uint32_t)sizeof(t))
