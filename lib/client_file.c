/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The open files of this process. Their memory is never given back, so that a thread that
 * found one just before another closed it still sees a file, though perhaps a new one: it
 * then takes a reference and looks again.
 */
#include "client.h"

static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nmc_file *files, *spare;

static void file_init(struct nmc_file *f, uint64_t id)
{
	f->id = id;
	f->dead = f->ask = f->registered = false;
	f->err[0] = '\0';
	f->region = NULL;
	f->nifp_offset = 0;
	f->next = files;
	f->prevp = &files;
	if (f->next != NULL)
		f->next->prevp = &f->next;
	files = f;
	__atomic_store_n(&f->refs, 1, __ATOMIC_RELEASE);
}

struct nmc_file *nmc_file_get(uint64_t id)
{
	struct nmc_file *f;

	nmc_watch_forks();
	pthread_mutex_lock(&files_lock);
	for (f = files; f != NULL && f->id != id; f = f->next)
		;
	if (f != NULL) {
		nmc_file_hold(f);
	} else {
		f = spare;
		if (f != NULL) {
			spare = f->next;
		} else {
			f = calloc(1, sizeof(*f));
			if (f != NULL)
				pthread_mutex_init(&f->lock, NULL);
		}
		if (f != NULL)
			file_init(f, id);
	}
	pthread_mutex_unlock(&files_lock);
	return f;
}

void nmc_file_hold(struct nmc_file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_ACQUIRE);
}

bool nmc_file_tryhold(struct nmc_file *f)
{
	uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);

	while (refs != 0)
		if (__atomic_compare_exchange_n(&f->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* `wait`: until the daemon has let go of what they held. */
static void drop_channels(struct nmc_file *f, bool wait)
{
	unsigned int i;

	for (i = 0; i < NMC_CHANS; i++) {
		if (f->chan[i] == NULL)
			continue;
		if (wait && !f->dead)
			nmc_pipe_call(f, f->chan[i], (struct nmd_request){ .op = NMD_OP_CLOSE },
				      NULL);
		nmc_chan_close(f->chan[i]);
		f->chan[i] = NULL;
	}
}

void nmc_file_put(struct nmc_file *f)
{
	bool last;

	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	pthread_mutex_lock(&files_lock);
	/* Somebody may have found it by its id meanwhile, and others may have come and gone. */
	last = __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) == 0 && f->prevp != NULL;
	if (last) {
		*f->prevp = f->next;
		if (f->next != NULL)
			f->next->prevp = f->prevp;
		f->prevp = NULL;
	}
	pthread_mutex_unlock(&files_lock);
	if (!last)
		return;
	drop_channels(f, true);
	nmc_csb_fini(f);
	pthread_mutex_lock(&files_lock);
	f->next = spare;
	spare = f;
	pthread_mutex_unlock(&files_lock);
}

/* In a child of fork(), where there is one thread: no lock is held by anybody else. */
void nmc_files_forked(void)
{
	struct nmc_file *f;

	pthread_mutex_init(&files_lock, NULL);
	for (f = files; f != NULL; f = f->next) {
		pthread_mutex_init(&f->lock, NULL);
		drop_channels(f, false);
	}
}

int nmc_fail(struct nmc_file *f, int error, const char *text)
{
	pthread_mutex_lock(&f->lock);
	f->ask = text == NULL;
	if (text != NULL)
		snprintf(f->err, sizeof(f->err), "%s", text);
	pthread_mutex_unlock(&f->lock);
	errno = error;
	return -1;
}
