/* What the mock says to a seed, so that the load generator knows it, too: word i of seed s, as it stands in the text
 * and as it stands in JSON. One in sixteen is not ASCII and two need an escape: who re-encodes text must get it right. */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#define WORDS 16

static const char *const SAID[WORDS] = {
    "the ",  "water ", "runs ",  "from ",  "gate ", "to ",       "turbine ",          "and ",
    "turns ", "it ",    "with ",  "every ", "drop ", "na\xc3\xafve ", "\"quoted\" ", "line\n"};
static const char *const WRITTEN[WORDS] = {
    "the ",  "water ", "runs ",  "from ",  "gate ", "to ",       "turbine ",          "and ",
    "turns ", "it ",    "with ",  "every ", "drop ", "na\xc3\xafve ", "\\\"quoted\\\" ", "line\\n"};

static inline unsigned word_of(uint32_t seed, uint32_t i)
{
    uint32_t x = seed * 2654435761u + i * 2246822519u;
    x ^= x >> 15;
    x *= 2246822519u;
    return (x >> 13) % WORDS;
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
