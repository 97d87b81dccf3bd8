/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presets as generate.c prints them.
 */
#ifndef RF_SECCOMP_PRESET_H
#define RF_SECCOMP_PRESET_H

#include "policy.h"

struct rf_filter_preset {
	const char	*name;		/* NULL ends */
	const char	*text;
	struct rf_filter filter;
};
extern const struct rf_filter_preset rf_filter_presets[];

#endif
