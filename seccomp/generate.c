/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * generate ABI FILE...: compile presets when ringfence is built.  Prints C with
 * the program and the text of each.  Runs on the machine that builds, for
 * the one whose programs are of ABI.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model.h"

#define PRESETS_MAX	15

static struct preset {
	const char	*name;
	char		*text;
	size_t		 len;
} presets[PRESETS_MAX + 1];

const char *rf_filter_preset_name(size_t index)
{
	return index < PRESETS_MAX ? presets[index].name : NULL;
}

const char *rf_filter_preset_text(const char *name)
{
	for (const struct preset *p = presets; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p->text;
	return NULL;
}

/* Presets are text: the reader of JSON stays out of this program. */
int rf_policy_read_oci(struct rf_policy *p, const char *name, const char *text, size_t len,
		       struct rf_err *err)
{
	(void)p, (void)text, (void)len;
	return rf_err_set(err, EINVAL, "preset '%s' is JSON", name);
}

static int fail(const char *file, const struct rf_err *err)
{
	fprintf(stderr, "%s:%u:%u: %s\n", err->file[0] ? err->file : file, err->line, err->col,
		err->msg);
	return EXIT_FAILURE;
}

/* "dir/default.policy" is preset "default". */
static int preset_read(struct preset *p, const char *file, struct rf_err *err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	const char *dot = strchr(name, '.');
	char *text;
	int r;

	r = rf_policy_slurp(file, NULL, &text, &p->len, err);
	if (r < 0)
		return r;
	p->text = realloc(text, p->len + 1);
	if (!p->text)
		return rf_err_set(err, ENOMEM, "reading %s", file);
	p->text[p->len] = '\0';
	p->name = strndup(name, dot ? (size_t)(dot - name) : strlen(name));
	return p->name ? 0 : rf_err_set(err, ENOMEM, "reading %s", file);
}

static void print_text(const struct preset *p)
{
	printf("static const char %s_text[] =\n\t\"", p->name);
	for (size_t i = 0; i < p->len; i++) {
		if (p->text[i] == '\n')
			fputs(i + 1 < p->len ? "\\n\"\n\t\"" : "\\n", stdout);
		else if (p->text[i] == '"' || p->text[i] == '\\')
			printf("\\%c", p->text[i]);
		else
			putchar(p->text[i]);
	}
	printf("\";\n\n");
}

static int preset_print(const struct preset *p, enum rf_abi machine, struct rf_filter *f,
			struct rf_err *err)
{
	struct rf_policy_reader reader = { .machine = machine, .flags = RF_POLICY_NO_FILES };
	struct rf_policy *policy = NULL;
	int r;

	r = rf_policy_parse_for(&reader, p->name, p->text, p->len, &policy, err);
	if (!r)
		r = rf_policy_compile(policy, f, err);
	rf_policy_free(policy);
	if (r < 0)
		return r;
	printf("static const struct sock_filter %s_insns[%zu] = {", p->name, f->nr);
	for (size_t i = 0; i < f->nr; i++)
		printf("%s{ 0x%02x, %u, %u, 0x%08x },", i % 3 ? " " : "\n\t", f->insns[i].code,
		       f->insns[i].jt, f->insns[i].jf, f->insns[i].k);
	printf("\n};\n\n");
	print_text(p);
	return 0;
}

int main(int argc, char **argv)
{
	struct rf_filter filters[PRESETS_MAX];
	struct rf_err err = RF_ERR_INIT;
	int abi, nr = argc - 2;

	for (abi = 0; abi < RF_ABI_NR && argc > 2; abi++)
		if (strcmp(argv[1], rf_abi_defs[abi].name) == 0)
			break;
	if (argc < 3 || nr > PRESETS_MAX || abi == RF_ABI_NR) {
		fprintf(stderr, "usage: generate ABI FILE...\n");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < nr; i++)
		if (preset_read(&presets[i], argv[i + 2], &err) < 0)
			return fail(argv[i + 2], &err);
	printf("/* made by seccomp/generate.c for %s */\n#include \"preset.h\"\n\n", argv[1]);
	for (int i = 0; i < nr; i++)
		if (preset_print(&presets[i], (enum rf_abi)abi, &filters[i], &err) < 0)
			return fail(argv[i + 2], &err);
	printf("const struct rf_filter_preset rf_filter_presets[] = {\n");
	for (int i = 0; i < nr; i++)
		printf("\t{ \"%s\", %s_text, { %s_insns, %zu, %u, %d } },\n", presets[i].name,
		       presets[i].name, presets[i].name, filters[i].nr, filters[i].flags,
		       filters[i].notifies);
	printf("\t{ 0 }\n};\n");
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
