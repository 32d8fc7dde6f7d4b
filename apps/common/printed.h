/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program prints is its result: if it can not be written, to a full disk say, the
 * program says so at its end, and its exit code is 1.
 */
#ifndef APPS_PRINTED_H
#define APPS_PRINTED_H

/* To be called once, before anything is printed. */
void printed_check_at_exit(void);

#endif
