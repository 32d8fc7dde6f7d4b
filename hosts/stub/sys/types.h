/* SPDX-License-Identifier: BSD-2-Clause */
typedef intptr_t ssize_t;
