# SPDX-License-Identifier: LGPL-2.1-or-later

# RF_CHECK_CFLAG(FLAG, VARIABLE): append FLAG to VARIABLE where the compiler
# knows it.  -Werror, because clang only warns about what it does not know.
AC_DEFUN([RF_CHECK_CFLAG], [
	AS_VAR_PUSHDEF([cache], [rf_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC accepts $1], [cache], [
		rf_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$rf_save_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [$2="$$2 $1"])
	AS_VAR_POPDEF([cache])
])

# RF_STATIC_LIB(NAME, FUNCTION, LIBS): append the path of libNAME.a to
# RF_PROGRAM_LIBS where that links, else what the variable LIBS has.
AC_DEFUN([RF_STATIC_LIB], [
	AC_MSG_CHECKING([for a static lib$1])
	rf_archive=`$CC -print-file-name=lib$1.a`
	rf_save_LIBS=$LIBS
	LIBS="$rf_archive $LIBS"
	rf_found=no
	AS_CASE([$rf_archive], [/*],
		[AC_LINK_IFELSE([AC_LANG_CALL([], [$2])], [rf_found=yes])])
	LIBS=$rf_save_LIBS
	AC_MSG_RESULT([$rf_found])
	AS_IF([test $rf_found = yes],
		[RF_PROGRAM_LIBS="$RF_PROGRAM_LIBS $rf_archive"
		 rf_static_deps="$rf_static_deps $1"],
		[RF_PROGRAM_LIBS="$RF_PROGRAM_LIBS $$3"])
])
