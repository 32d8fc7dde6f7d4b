/* SPDX-License-Identifier: BSD-2-Clause */
/* An errno value together with the one line that explains it to the client. */
#ifndef NM_FAIL_H
#define NM_FAIL_H

#include "os.h"

#define NM_ERR_TEXT 192

struct nm_err {
	char text[NM_ERR_TEXT];
};

/* Notes the text (what is wrong, and what would be right); returns `error`. */
__attribute__((format(printf, 3, 4))) int nm_fail(struct nm_err *err, int error, const char *fmt,
						  ...);

#endif /* NM_FAIL_H */
