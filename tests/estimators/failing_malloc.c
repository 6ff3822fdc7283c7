/* failing_malloc.c: an allocator, preloaded before a process starts, that fails where it is told to.
 *
 * Only allocations by code within the watched addresses, a module under test, count; they are numbered from 1, and
 * number `fail_at` of them returns NULL. `held` is how many of them that code has not freed yet.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static uintptr_t first, last;
static atomic_long seen, fail_at, held;

void watch(uintptr_t from, uintptr_t to)
{
    first = from;
    last = to;
}

void arm(long n)
{
    atomic_store(&seen, 0);
    atomic_store(&fail_at, n);
}

long disarm(void)
{
    atomic_store(&fail_at, 0);
    return atomic_load(&seen);
}

long outstanding(void)
{
    return atomic_load(&held);
}

static int is_watched(const void *caller)
{
    return (uintptr_t)caller >= first && (uintptr_t)caller < last;
}

static int fails(const void *caller)
{
    if (atomic_load(&fail_at) == 0 || !is_watched(caller)) {
        return 0;
    }
    if (atomic_fetch_add(&seen, 1) + 1 != atomic_load(&fail_at)) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

static void *counted(void *memory, const void *caller)
{
    atomic_fetch_add(&held, memory && is_watched(caller));
    return memory;
}

void *malloc(size_t size)
{
    const void *caller = __builtin_return_address(0);
    return fails(caller) ? NULL : counted(__libc_malloc(size), caller);
}

void *calloc(size_t n, size_t size)
{
    const void *caller = __builtin_return_address(0);
    return fails(caller) ? NULL : counted(__libc_calloc(n, size), caller);
}

void *realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void free(void *old)
{
    atomic_fetch_sub(&held, old && is_watched(__builtin_return_address(0)));
    __libc_free(old);
}
