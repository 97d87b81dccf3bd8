/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.resources.blockIO`: weights and rates of disks.
 *
 * 10 to 1000 of version 1 is 1 to 10000 of io.weight, and the same number in the file of
 * the scheduler bfq, which is the one that most kernels have.
 */
#include "oci_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec.h"

struct disk {
	int64_t		 major, minor;
	uint64_t	 rate, weight;
};

static int read_device_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, 0, (1 << 20) - 1, obj);
}

static int read_u64(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, UINT64_MAX, obj);
}

static int read_weight_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t *n = obj;
	int r = rf_oci_uint(o, v, 1000, n);

	return r == 0 && *n && *n < 10 ? rf_oci_fail(o, v, "a weight is from 10 to 1000") : r;
}

static const char leaf_is_gone[] = "kernels have it no more, since Linux 5.0";

/* ---------------------------------------------------------------------- rates */

struct throttle_file {
	const char	*v1, *v2_word;
};

static int add_throttle(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct disk, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "major", .read = read_device_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_device_number, .offset = FIELD(minor) },
		{ .name = "rate", .read = read_u64, .offset = FIELD(rate) },
		{ .name = NULL }
	};
#undef FIELD
	const struct throttle_file *file = obj;
	struct disk d = { .major = -1, .minor = -1 };
	char rate[24] = "max";
	int r = rf_oci_map(o, v, keys, &d);
	struct rf_oci_limit *l;

	if (r < 0)
		return r;
	if (d.major < 0 || d.minor < 0)
		return rf_oci_fail(o, v, "no `major` and `minor`");
	l = rf_oci_limit_add(o, &v->place, "blkio", file->v1, "io.max");
	if (!l)
		return rf_oci_no_memory(o);
	/* to version 1, 0 is none; version 2 has a word for that */
	if (d.rate)
		(void)snprintf(rate, sizeof(rate), "%" PRIu64, d.rate);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64 ":%" PRId64 " %" PRIu64, d.major, d.minor,
				       d.rate);
	l->v2_text = rf_sandbox_printf(o->sb, "%" PRId64 ":%" PRId64 " %s=%s", d.major, d.minor,
				       file->v2_word, rate);
	return l->v1_text && l->v2_text ? 0 : rf_oci_no_memory(o);
}

static int read_throttles(struct rf_oci_reader *o, const struct rf_node *v,
			  const struct throttle_file *file)
{
	struct throttle_file copy = *file;

	return rf_oci_list(o, v, add_throttle, &copy);
}

static int read_rbps(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.read_bps_device", "rbps" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_wbps(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.write_bps_device", "wbps" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_riops(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.read_iops_device", "riops" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_wiops(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.write_iops_device", "wiops" };

	(void)obj;
	return read_throttles(o, v, &file);
}

/* -------------------------------------------------------------------- weights */

/* For the disk called @v1_which and @v2_which, or, "" and "default ", for all others. */
static int add_weight(struct rf_oci_reader *o, const struct rf_place *place, const char *v1_file,
		      const char *v1_which, const char *v2_which, uint64_t n)
{
	struct rf_oci_limit *l;

	if (!n)
		return 0;
	l = rf_oci_limit_add(o, place, "blkio", v1_file, "io.weight");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%s%" PRIu64, v1_which, n);
	l->v2_text = rf_sandbox_printf(o->sb, "%s%" PRIu64, v2_which, 1 + (n - 10) * 9999 / 990);
	l->v2_else_file = "io.bfq.weight";
	l->v2_else_text = rf_sandbox_printf(o->sb, "%s%" PRIu64, v2_which, n);
	return l->v1_text && l->v2_text && l->v2_else_text ? 0 : rf_oci_no_memory(o);
}

static int read_weight(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = read_weight_number(o, v, &n);

	(void)obj;
	return r < 0 ? r : add_weight(o, &v->place, "blkio.bfq.weight", "", "default ", n);
}

static int add_disk_weight(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct disk, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "major", .read = read_device_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_device_number, .offset = FIELD(minor) },
		{ .name = "weight", .read = read_weight_number, .offset = FIELD(weight) },
		{ .name = "leafWeight", .refused = leaf_is_gone },
		{ .name = NULL }
	};
#undef FIELD
	struct disk d = { .major = -1, .minor = -1 };
	int r = rf_oci_map(o, v, keys, &d);
	const char *which;

	(void)obj;
	if (r < 0)
		return r;
	if (d.major < 0 || d.minor < 0)
		return rf_oci_fail(o, v, "no `major` and `minor`");
	which = rf_sandbox_printf(o->sb, "%" PRId64 ":%" PRId64 " ", d.major, d.minor);
	return which ? add_weight(o, &v->place, "blkio.bfq.weight_device", which, which, d.weight) :
		       rf_oci_no_memory(o);
}

static int read_disk_weights(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_disk_weight, obj);
}

int rf_oci_read_block_io(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "weight", .read = read_weight },
		{ .name = "leafWeight", .refused = leaf_is_gone },
		{ .name = "weightDevice", .read = read_disk_weights },
		{ .name = "throttleReadBpsDevice", .read = read_rbps },
		{ .name = "throttleWriteBpsDevice", .read = read_wbps },
		{ .name = "throttleReadIOPSDevice", .read = read_riops },
		{ .name = "throttleWriteIOPSDevice", .read = read_wiops },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}
