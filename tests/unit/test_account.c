/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups: by name and number, without the C library's modules. */
#include <unistd.h>

#include "account.h"
#include "harness.h"

TEST(a_user_is_found_by_name)
{
	struct rf_account a;

	assert_true(rf_account_by_name(RF_USERS, "root", &a));
	EXPECT_STR("root", a.name);
	EXPECT_INT(0, a.id);
	EXPECT_STR("/root", a.home);
}

TEST(a_user_is_found_by_number)
{
	struct rf_account a;

	assert_true(rf_account_by_id(RF_USERS, 0, &a));
	EXPECT_STR("root", a.name);
}

TEST(a_group_is_found_by_name_and_number)
{
	struct rf_account a;

	assert_true(rf_account_by_name(RF_GROUPS, "root", &a));
	EXPECT_INT(0, a.id);
	EXPECT_STR("", a.home);
	assert_true(rf_account_by_id(RF_GROUPS, 0, &a));
	EXPECT_STR("root", a.name);
}

TEST(nobody_has_a_name_that_is_no_name)
{
	static const char *const names[] = { "", "no-such-user", "root:x", "--help", "#root" };
	struct rf_account a;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rf_account_by_name(RF_USERS, names[i], &a))
			fail_msg("'%s' is said to be %u", names[i], (unsigned int)a.id);
}

/* A number is not a name: getent(1) would take it for one. */
TEST(a_number_is_not_taken_for_a_name)
{
	struct rf_account a;

	assert_false(rf_account_by_name(RF_USERS, "0", &a));
}
