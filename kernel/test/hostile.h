/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HOSTILE_H
#define HOSTILE_H

extern unsigned int hostile_seed;
extern int hostile_rounds;

#endif
