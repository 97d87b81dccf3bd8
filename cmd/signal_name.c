/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signal_name.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "options.h"

/* As sh(1) has them; C libraries do not agree on what they keep for themselves. */
#define FIRST_REAL_TIME	34
#define LAST_REAL_TIME	64

static const struct { const char *name; int sig; } signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
};

int signal_number(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int n = options_number(text, 1, LAST_REAL_TIME);

	for (size_t i = 0; n < 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			n = signals[i].sig;
	if (n < 0 && strncasecmp(name, "RTMIN+", 6) == 0) {
		n = options_number(name + 6, 0, LAST_REAL_TIME - FIRST_REAL_TIME);
		n = n < 0 ? n : FIRST_REAL_TIME + n;
	}
	return n;
}
