#ifndef ANABRANCH_BASE_ID_H
#define ANABRANCH_BASE_ID_H
/*
 * UUIDs as 36 lower-case characters and NUL. v5 (SHA-1 of a name) comes from
 * libuuid; v4 (random), v6 and v7 (time-ordered) are laid out here: libuuid of Debian 12 has neither
 * of the last two, and asks the system for each random one.
 */
#include <stdbool.h>
#include <stddef.h>

#define ID_BYTES 37

void id_v4(char ret[ID_BYTES]);
/* Name-based. ns: any UUID text (asserted). The same input gives the same id for ever. */
void id_v5(const char *ns, const char *name, size_t name_len_bytes, char ret[ID_BYTES]);
/* Checkpoint ids: sort as text in order of creation within this process; clock_seq carries `step`
 * (-1 .. 0x3ffe, then wraps). */
void id_v6(int step, char ret[ID_BYTES]);
/* Thread, run and assistant ids: sort as text in order of creation within this process. */
void id_v7(char ret[ID_BYTES]);

/* 8-4-4-4-12 hexadecimal digits of any case. */
bool id_is_uuid(const char *text);

/* The namespace of system assistants: assistant id = v5(this, graph name). */
#define ID_NS_ASSISTANT "6ba7b821-9dad-11d1-80b4-00c04fd430c8"

#endif
