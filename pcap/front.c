/* SPDX-License-Identifier: BSD-2-Clause */
/* The exported functions: who is it for? */
#include "handle.h"

#define EXPORT __attribute__((visibility("default")))

/* The headers mark a few as deprecated; here they are defined, not used. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define PLAIN(ret, name, params, args)   \
	EXPORT ret name params           \
	{                                \
		return sys()->name args; \
	}
#define HANDLE(ret, name, params, args)            \
	EXPORT ret name params                     \
	{                                          \
		if (handle_is_ours(p))             \
			return netmap_##name args; \
		return sys()->name args;           \
	}
#define OWN(ret, name, params, args)
#include "table.h"
