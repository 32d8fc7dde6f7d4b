// SPDX-License-Identifier: BSD-2-Clause
#include "fail.h"

int nm_fail(struct nm_err *err, int error, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return error;
}
