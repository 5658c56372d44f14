#ifndef ANABRANCH_BASE_CLOCK_H
#define ANABRANCH_BASE_CLOCK_H
/* The two clocks. Tests replace them with clock_fake(); nothing else in the tree reads time. */
#include <stdint.h>

int64_t clock_mono_us(void); /* microseconds since some start, never goes back */
int64_t clock_wall_ms(void); /* milliseconds since 1970, may jump */

/* Tests only: both clocks stand still at these values until the next call; mono_us < 0 brings the
 * real ones back. */
void clock_fake(int64_t mono_us, int64_t wall_ms);

#define CLOCK_ISO_BYTES 25
/* "2026-11-22T17:34:49.320Z" and NUL. */
void clock_iso(int64_t wall_ms, char ret[CLOCK_ISO_BYTES]);

#endif
