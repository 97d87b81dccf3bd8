# SPDX-License-Identifier: LGPL-2.1-or-later
# Ten thousand jobs: `make check-batch`.
load harness
load batch

setup() {
	harness_setup
	need_userns
}

@test "no growth of memory or descriptors over 10 000 jobs" {
	no_growth 10000
}

@test "a file of 10 000 jobs, with a verdict and a test case each" {
	for ((i = 0; i < 10000; i++)); do echo '["true"]'; done >jobs
	run -0 bash -c '"$RINGFENCE" batch --junit x.xml jobs >verdicts'
	[ "$(wc -l <verdicts)" = 10000 ]
	[ "$(sed 's/.*"job":{"index":\([0-9]*\).*/\1/' verdicts | sort -n | uniq | wc -l)" = 10000 ]
	[ "$(python3 -c 'import xml.etree.ElementTree as ET
print(len(ET.parse("x.xml").getroot().findall(".//testcase")))')" = 10000 ]
}
