/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of a state.json on anything: what it accepts holds what deleting by it relies
 * on, is the same once it was written and read again, and can be shown to others.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci_runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(struct oci_container *k)
{
	char *text, *note = oci_state_annotation(k, RF_OCI_FRAGMENT);

	if (k->pid < 0 || k->nr_groups > RF_OCI_TREES || !k->bundle || !k->rootfs || !k->annotations)
		abort();
	for (size_t i = 0; i < k->nr_groups; i++)
		if (k->groups[i].dir[0] != '/' || strstr(k->groups[i].dir, "/../") || !k->groups[i].name)
			abort();
	for (int s = OCI_CREATING; s <= OCI_STOPPED; s++) {
		text = oci_state_json(k, (enum oci_status)s);
		if (!text)
			abort();
		free(text);
	}
	free(note);
}

static void check_again(const struct oci_container *k)
{
	struct oci_container other = OCI_CONTAINER_INIT;
	char *text = oci_state_print(k), *again;

	other.id = k->id;
	if (!text || oci_state_parse(&other, text, strlen(text)) < 0)
		abort();
	again = oci_state_print(&other);
	if (!again || strcmp(text, again) != 0)
		abort();
	free(text);
	free(again);
	oci_state_forget(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	char id[] = "id";
	int r;

	k.id = id;
	r = oci_state_parse(&k, (const char *)data, size);
	if (r == 0) {
		check_state(&k);
		check_again(&k);
	} else if (r != -EINVAL && r != -ENOMEM) {
		abort();
	}
	oci_state_forget(&k);
	return 0;
}
