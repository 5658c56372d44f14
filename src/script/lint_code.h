#ifndef ANABRANCH_SCRIPT_LINT_CODE_H
#define ANABRANCH_SCRIPT_LINT_CODE_H
/*
 * A compiled Lua chunk as the tree of its functions, read from what lua_dump() wrote. Format and
 * numbers of the instructions are those of Lua 5.4, the same in all its releases:
 *
 *     struct lint_function *main = NULL;
 *     if (lint_code_parse(bytes, len, &main) == 0)
 *         ... lint_op(main->code[0]) == LINT_OP_VARARGPREP ...
 *     lint_code_free(main);
 *
 * Conditions: LINT_CODE_E_UNREADABLE (another format, cut, without lines and names, or not the main
 * function of a file).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINT_CODE_E_UNREADABLE = 1 };

/* Not NUL-terminated; any bytes. bytes NULL: no text. */
struct lint_text {
    const char *bytes;
    size_t len;
};

struct lint_upvalue {
    bool
        is_local; /* of the parent, and index is its register; else index is the parent's upvalue */
    int index;
    struct lint_text name;
};

/* About one instruction. */
struct lint_spot {
    int line;
    int local_count; /* locals alive: they have the registers below this */
};

/* Texts point into the parsed bytes. Instructions may name constants, upvalues, functions and
 * registers that do not exist: who follows one checks. */
struct lint_function {
    const struct lint_function *parent; /* NULL: the file's main function */
    int line;                           /* where it begins; 0 for the main function */
    uint32_t *code;
    struct lint_spot *spots; /* one per instruction, and one more */
    size_t code_count;
    struct lint_text *constants; /* bytes NULL: no string */
    size_t constant_count;
    struct lint_upvalue *upvalues; /* of the main function: _ENV alone */
    size_t upvalue_count;
    struct lint_function *functions; /* those that stand in it */
    size_t function_count;
};

/*
 * bytes  borrowed for as long as *ret lives.
 * ret    owned by the caller, free with lint_code_free(); untouched on failure.
 * Returns 0, LINT_CODE_E_UNREADABLE, or a fault. Any bytes are safe; needs memory and time in
 * proportion to them.
 */
int lint_code_parse(const void *bytes, size_t len_bytes, struct lint_function **ret);
/* Accepts NULL, returns NULL. */
struct lint_function *lint_code_free(struct lint_function *main_function);

/* The instructions that something here depends on; the others only count. */
enum lint_op {
    LINT_OP_LOADK = 3,
    LINT_OP_LOADKX = 4,
    LINT_OP_LOADNIL = 8,
    LINT_OP_GETUPVAL = 9,
    LINT_OP_SETUPVAL = 10,
    LINT_OP_GETTABUP = 11,
    LINT_OP_GETTABLE = 12,
    LINT_OP_SETTABUP = 15,
    LINT_OP_SETTABLE = 16,
    LINT_OP_CALL = 68,
    LINT_OP_CLOSURE = 79,
    LINT_OP_VARARGPREP = 81,
    LINT_OP_EXTRAARG = 82,
    LINT_OP_COUNT = 83,
};

/* From the lowest bit: 7 of the number, 8 of A, 1 of k, 8 of B, 8 of C; Bx is k, B and C, Ax all
 * but the number. */
static inline int lint_op(uint32_t code)
{
    return (int)(code & 0x7f);
}
static inline int lint_a(uint32_t code)
{
    return (int)(code >> 7 & 0xff);
}
static inline int lint_k(uint32_t code)
{
    return (int)(code >> 15 & 1);
}
static inline int lint_b(uint32_t code)
{
    return (int)(code >> 16 & 0xff);
}
static inline int lint_c(uint32_t code)
{
    return (int)(code >> 24);
}
static inline int lint_bx(uint32_t code)
{
    return (int)(code >> 15);
}
static inline int lint_ax(uint32_t code)
{
    return (int)(code >> 7);
}

#endif
