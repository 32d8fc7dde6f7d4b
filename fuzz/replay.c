// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs a fuzzer's kept inputs once, where there is no libFuzzer: every finding of the past is
 * a test for ever, with any compiler. Arguments: files and folders.
 */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static unsigned int runs;

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, got;

	must(f);
	do {
		data = realloc(data, n + 65536);
		must(data);
		got = fread(data + n, 1, 65536, f);
		n += got;
	} while (got);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	runs++;
}

static void replay(const char *path)
{
	struct dirent *e;
	char name[4096];
	struct stat st;
	DIR *d;

	must(!stat(path, &st));
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	d = opendir(path);
	must(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		replay(name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	int i;

	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs\n", runs);
	return runs ? 0 : 1;
}
