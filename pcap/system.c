/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds and loads the system's libpcap, which has our own name: by the absolute path of a
 * file that is not ours. Places, the first that has one:
 *
 *	NETMAP_LIBPCAP		a file, for whoever wants a particular one
 *	where it was when this was built
 *	the linker's path	LD_LIBRARY_PATH and the system's own directories
 *	where distributions put it
 *
 * RTLD_DEEPBIND would keep its calls to itself, but also its malloc(): what it allocates
 * could not be freed by a program with an allocator of its own.
 */
#include "system.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The only two variables of the ABI. Names and sizes are those of Debian's 1.10.3. */
struct eproto {
	const char *s;
	u_short p;
};

extern char pcap_version[7];
extern struct eproto eproto_db[13];
/* What tells this library from the system's. */
extern const char netmap_pcap_marker[];

EXPORT char pcap_version[7];
EXPORT struct eproto eproto_db[13];
EXPORT const char netmap_pcap_marker[] = "netmap";

struct system_pcap system_pcap;
int system_pcap_loaded;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct stat self;
static char problem[PATH_MAX + 512];

static const char *const names[] = { "libpcap.so.0.8", "libpcap.so.1" };
static const char *const places[] = {
	SYSTEM_LIBDIR, /* where it was when this was built */
	"/usr/lib64",  "/usr/lib", "/lib64", "/lib", "/usr/local/lib",
};

static void *try_file(const char *path)
{
	struct stat st;
	void *dl;

	if (stat(path, &st) != 0 || (st.st_dev == self.st_dev && st.st_ino == self.st_ino))
		return NULL;
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (dl == NULL) {
		snprintf(problem, sizeof(problem), "%s", dlerror());
		return NULL;
	}
	/* A copy of this library is none the better for being another file. */
	if (dlsym(dl, "netmap_pcap_marker") != NULL || dlsym(dl, "pcap_loop") == NULL) {
		dlclose(dl);
		return NULL;
	}
	return dl;
}

static void *try_dir(const char *dir)
{
	char path[PATH_MAX];
	unsigned int i;
	void *dl;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", dir, names[i]);

		if (n > 0 && n < (int)sizeof(path) && (dl = try_file(path)) != NULL)
			return dl;
	}
	return NULL;
}

/* The directories in which the dynamic linker searches for this very library. */
static void *try_linker_path(void *me)
{
	Dl_serinfo size, *info;
	void *dl = NULL;
	unsigned int i;

	if (me == NULL || dlinfo(me, RTLD_DI_SERINFOSIZE, &size) != 0)
		return NULL;
	info = malloc(size.dls_size);
	if (info == NULL)
		return NULL;
	if (dlinfo(me, RTLD_DI_SERINFOSIZE, info) == 0 && dlinfo(me, RTLD_DI_SERINFO, info) == 0)
		for (i = 0; dl == NULL && i < info->dls_cnt; i++)
			dl = try_dir(info->dls_serpath[i].dls_name);
	free(info);
	return dl;
}

static void *find(void)
{
	const char *file = secure_getenv("NETMAP_LIBPCAP");
	void *me = NULL, *dl = NULL;
	unsigned int i;
	Dl_info info;

	if (dladdr(&system_pcap_loaded, &info) != 0 && stat(info.dli_fname, &self) == 0)
		me = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (file != NULL && *file != '\0') {
		dl = try_file(file);
		if (dl == NULL && problem[0] == '\0')
			snprintf(problem, sizeof(problem),
				 "NETMAP_LIBPCAP=%s is not a libpcap other than netmap's", file);
	} else {
		dl = try_dir(places[0]);
		if (dl == NULL)
			dl = try_linker_path(me);
		for (i = 1; dl == NULL && i < sizeof(places) / sizeof(places[0]); i++)
			dl = try_dir(places[i]);
	}
	if (me != NULL)
		dlclose(me);
	return dl;
}

/* As for any other missing library: the program cannot run. */
static _Noreturn void missing(const char *what)
{
	fprintf(stderr,
		"netmap's libpcap: cannot use the system's libpcap: %s\n"
		"  set NETMAP_LIBPCAP to the path of its libpcap.so.0.8\n",
		what);
	_exit(127);
}

static void load(void)
{
	const void *version, *protos;
	void *dl = find();

	if (dl == NULL)
		missing(problem[0] != '\0' ? problem : "there is none");
#define PLAIN(ret, name, params, args)                  \
	*(void **)&system_pcap.name = dlsym(dl, #name); \
	if (system_pcap.name == NULL)                   \
		missing("it has no " #name);
#define HANDLE PLAIN
#define OWN    PLAIN
#include "table.h"
	version = dlsym(dl, "pcap_version");
	if (version != NULL)
		memcpy(pcap_version, version, sizeof(pcap_version) - 1);
	protos = dlsym(dl, "eproto_db");
	if (protos != NULL)
		memcpy(eproto_db, protos, sizeof(eproto_db));
	__atomic_store_n(&system_pcap_loaded, 1, __ATOMIC_RELEASE);
}

void system_pcap_load(void)
{
	int saved = errno;

	pthread_once(&once, load);
	errno = saved;
}

__attribute__((constructor)) static void load_early(void)
{
	system_pcap_load();
}
