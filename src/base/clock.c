/* clock_gettime(), or the values that a test put in its place. */
#include "base/clock.h"
#include <stdatomic.h>
#include <time.h>

/* Test hook, atomic because pool threads read time too. fake_mono_us < 0: the real clocks. */
static _Atomic int64_t fake_mono_us = -1;
static _Atomic int64_t fake_wall_ms;

static int64_t read_us(clockid_t id)
{
    struct timespec t = { 0 };
    (void)clock_gettime(id, &t); /* fails only for an unknown clock */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    int64_t fake = atomic_load(&fake_mono_us);
    return fake >= 0 ? fake : read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return atomic_load(&fake_mono_us) >= 0 ? atomic_load(&fake_wall_ms)
                                           : read_us(CLOCK_REALTIME) / 1000;
}

void clock_fake(int64_t mono_us, int64_t wall_ms)
{
    atomic_store(&fake_wall_ms, wall_ms);
    atomic_store(&fake_mono_us, mono_us);
}

static char *put_number(char *to, int64_t number, int digits, char behind)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
    to[digits] = behind;
    return to + digits + 1;
}

void clock_iso(int64_t wall_ms, char ret[CLOCK_ISO_BYTES])
{
    const int64_t last_ms = 253402300799999; /* the end of the year 9999: four digits */
    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > last_ms)
        wall_ms = last_ms;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t = { 0 };
    (void)gmtime_r(&seconds, &t); /* cannot overflow within these years */
    ret = put_number(ret, t.tm_year + 1900, 4, '-');
    ret = put_number(ret, t.tm_mon + 1, 2, '-');
    ret = put_number(ret, t.tm_mday, 2, 'T');
    ret = put_number(ret, t.tm_hour, 2, ':');
    ret = put_number(ret, t.tm_min, 2, ':');
    ret = put_number(ret, t.tm_sec, 2, '.');
    ret = put_number(ret, wall_ms % 1000, 3, 'Z');
    *ret = '\0';
}
