/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

static int read_all(int fd, const char *file, char **ret_text, size_t *ret_len,
		    struct rf_err *err)
{
	size_t len = 0, size = RF_POLICY_SIZE_MAX + 1;
	char *text = malloc(size);
	ssize_t n = 1;

	if (!text)
		return rf_err_set(err, ENOMEM, "reading '%s'", file);
	while (n && len < size) {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno != EINTR) {
			n = -errno;
			free(text);
			return rf_err_set(err, (int)-n, "read %s", file);
		}
		len += n > 0 ? (size_t)n : 0;
	}
	if (len == size) {
		free(text);
		return rf_err_set(err, EFBIG, "policy '%s' is longer than %u bytes", file,
				  RF_POLICY_SIZE_MAX);
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int rf_policy_slurp(const char *file, const struct rf_place *place, char **ret_text,
		    size_t *ret_len, struct rf_err *err)
{
	bool input = !place && strcmp(file, "-") == 0;
	struct stat st;
	int fd = STDIN_FILENO, r;

	if (!input)
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return rf_err_at(err, place, errno, "open %s", file);
	if (fstat(fd, &st) < 0)
		r = rf_err_at(err, place, errno, "fstat %s", file);
	else if (S_ISDIR(st.st_mode) || (place && !S_ISREG(st.st_mode)))
		r = rf_err_at(err, place, EINVAL, "'%s' is no regular file", file);
	else
		r = read_all(fd, file, ret_text, ret_len, err);
	if (!input)
		close(fd);
	return r;
}

int rf_policy_load_caps(const char *file, uint64_t capabilities, struct rf_policy **ret,
			struct rf_err *err)
{
	size_t len = 0;
	char *text = NULL;
	int r;

	r = rf_policy_slurp(file, NULL, &text, &len, err);
	if (r < 0)
		return r;
	r = rf_policy_parse_caps(strcmp(file, "-") ? file : "standard input", text, len,
				 capabilities, ret, err);
	free(text);
	return r;
}

int rf_policy_load(const char *file, struct rf_policy **ret, struct rf_err *err)
{
	return rf_policy_load_caps(file, 0, ret, err);
}
