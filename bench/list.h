/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of numbers on the command line. */
#ifndef BENCH_LIST_H
#define BENCH_LIST_H

#define LIST_MAX 16

/*
 * "60,1514" into a list of LIST_MAX that ends with 0. A number that is none, or not between 1
 * and most, ends the program, and so do more of them than there is room for.
 */
const unsigned *list_parse(const char *arg, unsigned most, unsigned *list);

#endif /* BENCH_LIST_H */
