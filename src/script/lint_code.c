/*
 * The order in which ldump.c of Lua 5.4 writes: a header, the count of upvalues, and a function:
 *
 *     source  first line  last line  parameters  vararg  stack
 *     instructions  constants  upvalues  functions...  lines  locals  names of upvalues
 *
 * Numbers are sequences of seven bits, the highest first; the last byte has its top bit set. A
 * string comes behind its length + 1; 0 is no string. The first thing that is wrong sticks in
 * reader.r, and from then on every read gives 0.
 */
#include "script/lint_code.h"
#include "base/err.h"
#include "base/mem.h"
#include <limits.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

enum {
    DEPTH_MAX = 256,        /* Lua's compiler gives up at 200 */
    FUNCTION_BYTES_MIN = 14 /* an empty function in the dump */
};

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    int r;
};

static size_t bytes_left(const struct reader *in)
{
    return (size_t)(in->end - in->at);
}

/* NULL, and in->r set, if there are not so many. */
static const unsigned char *read_bytes(struct reader *in, size_t count)
{
    if (in->r == 0 && count > bytes_left(in))
        in->r = LINT_CODE_E_UNREADABLE;
    if (in->r != 0)
        return NULL;
    in->at += count;
    return in->at - count;
}

static int read_byte(struct reader *in)
{
    const unsigned char *byte = read_bytes(in, 1);
    return byte == NULL ? 0 : *byte;
}

static size_t read_size(struct reader *in)
{
    size_t size = 0;
    for (;;) {
        int byte = read_byte(in);
        if (size > SIZE_MAX >> 7)
            in->r = in->r != 0 ? in->r : LINT_CODE_E_UNREADABLE;
        if (in->r != 0)
            return 0;
        size = size << 7 | (size_t)(byte & 0x7f);
        if ((byte & 0x80) != 0)
            return size;
    }
}

static int read_int(struct reader *in)
{
    size_t size = read_size(in);
    if (size > INT_MAX)
        in->r = LINT_CODE_E_UNREADABLE;
    return in->r == 0 ? (int)size : 0;
}

/* How many items follow; each takes at least so many bytes, so memory is bounded by the input. */
static size_t read_count(struct reader *in, size_t item_bytes_min)
{
    size_t count = read_size(in);
    if (count > bytes_left(in) / item_bytes_min)
        in->r = in->r != 0 ? in->r : LINT_CODE_E_UNREADABLE;
    return in->r == 0 ? count : 0;
}

static struct lint_text read_text(struct reader *in)
{
    size_t size = read_size(in);
    if (size == 0)
        return (struct lint_text){ NULL, 0 };
    const unsigned char *bytes = read_bytes(in, size - 1);
    return (struct lint_text){ (const char *)bytes, bytes == NULL ? 0 : size - 1 };
}

/* Zeroed; NULL if anything is wrong already. */
static void *new_items(struct reader *in, size_t count, size_t item_bytes)
{
    void *items = in->r == 0 ? mem_array(count, item_bytes) : NULL;
    if (items == NULL && in->r == 0)
        in->r = ERR_NOMEM;
    return items;
}

static void read_code(struct reader *in, struct lint_function *f)
{
    size_t count = read_count(in, sizeof(uint32_t));
    const unsigned char *bytes = read_bytes(in, count * sizeof(uint32_t));
    f->code = new_items(in, count, sizeof(uint32_t));
    f->spots = new_items(in, count + 1, sizeof(*f->spots));
    if (in->r != 0)
        return;
    f->code_count = count;
    memcpy(f->code, bytes, count * sizeof(uint32_t));
}

static struct lint_text read_constant(struct reader *in)
{
    switch (read_byte(in)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:      /* false */
    case LUA_TBOOLEAN | 16: /* true */
        break;
    case LUA_TNUMBER: /* an integer */
        (void)read_bytes(in, sizeof(lua_Integer));
        break;
    case LUA_TNUMBER | 16: /* a float */
        (void)read_bytes(in, sizeof(lua_Number));
        break;
    case LUA_TSTRING:      /* of up to 40 bytes */
    case LUA_TSTRING | 16: /* a longer one */
        return read_text(in);
    default:
        in->r = in->r != 0 ? in->r : LINT_CODE_E_UNREADABLE;
    }
    return (struct lint_text){ NULL, 0 };
}

static void read_constants(struct reader *in, struct lint_function *f)
{
    size_t count = read_count(in, 1);
    f->constants = new_items(in, count, sizeof(*f->constants));
    for (; in->r == 0 && f->constant_count < count; f->constant_count++)
        f->constants[f->constant_count] = read_constant(in);
}

static void read_upvalues(struct reader *in, struct lint_function *f)
{
    size_t count = read_count(in, 3);
    f->upvalues = new_items(in, count, sizeof(*f->upvalues));
    for (; in->r == 0 && f->upvalue_count < count; f->upvalue_count++) {
        struct lint_upvalue *u = &f->upvalues[f->upvalue_count];
        u->is_local = read_byte(in) != 0;
        u->index = read_byte(in);
        (void)read_byte(in); /* the kind: <const>, <close> */
    }
}

static void read_upvalue_names(struct reader *in, struct lint_function *f)
{
    size_t count = read_count(in, 1);
    if (in->r == 0 && count != f->upvalue_count)
        in->r = LINT_CODE_E_UNREADABLE;
    for (size_t i = 0; in->r == 0 && i < count; i++)
        f->upvalues[i].name = read_text(in);
}

/* Where the step from line to line does not fit into a byte, and every 128 instructions or so, the
 * line stands whole in a list of its own: the pairs of instruction and line behind the steps. */
static int read_whole_line(struct reader *in, size_t *left, size_t pc)
{
    if (*left == 0 || (size_t)read_int(in) != pc) {
        in->r = in->r != 0 ? in->r : LINT_CODE_E_UNREADABLE;
        return 0;
    }
    *left -= 1;
    return read_int(in);
}

static void read_lines(struct reader *in, struct lint_function *f)
{
    enum { IN_LIST = -128 };
    size_t count = read_count(in, 1);
    const signed char *steps = (const signed char *)read_bytes(in, count);
    size_t left = read_count(in, 2);
    if (in->r == 0 && count != f->code_count)
        in->r = LINT_CODE_E_UNREADABLE;
    int64_t line = f->line;
    for (size_t pc = 0; in->r == 0 && pc < count; pc++) {
        line = steps[pc] == IN_LIST ? read_whole_line(in, &left, pc) : line + steps[pc];
        if (line < 0 || line > INT_MAX)
            in->r = LINT_CODE_E_UNREADABLE;
        f->spots[pc].line = (int)line;
    }
    if (in->r == 0 && left > 0)
        in->r = LINT_CODE_E_UNREADABLE;
}

/* Counts births and deaths first, then adds them up. */
static void read_locals(struct reader *in, struct lint_function *f)
{
    size_t count = read_count(in, 3);
    for (size_t i = 0; in->r == 0 && i < count; i++) {
        (void)read_text(in);
        size_t begin = (size_t)read_int(in);
        size_t end = (size_t)read_int(in);
        if (in->r == 0 && (begin > end || end > f->code_count))
            in->r = LINT_CODE_E_UNREADABLE;
        if (in->r != 0)
            return;
        f->spots[begin].local_count++;
        f->spots[end].local_count--;
    }
    for (size_t pc = 1; in->r == 0 && pc < f->code_count; pc++)
        f->spots[pc].local_count += f->spots[pc - 1].local_count;
}

static void read_function(struct reader *in, struct lint_function *f, int depth);

static void read_functions(struct reader *in, struct lint_function *f, int depth)
{
    size_t count = read_count(in, FUNCTION_BYTES_MIN);
    if (in->r == 0 && depth > DEPTH_MAX)
        in->r = LINT_CODE_E_UNREADABLE;
    f->functions = new_items(in, count, sizeof(*f->functions));
    while (in->r == 0 && f->function_count < count) {
        struct lint_function *child = &f->functions[f->function_count++];
        child->parent = f;
        read_function(in, child, depth + 1);
    }
}

static void read_function(struct reader *in, struct lint_function *f, int depth)
{
    (void)read_text(in); /* the source's name */
    f->line = read_int(in);
    (void)read_int(in);      /* the last line */
    (void)read_bytes(in, 3); /* parameters, vararg, size of the stack */
    read_code(in, f);
    read_constants(in, f);
    read_upvalues(in, f);
    read_functions(in, f, depth);
    read_lines(in, f);
    read_locals(in, f);
    read_upvalue_names(in, f);
}

static void expect_bytes(struct reader *in, const void *wanted, size_t count)
{
    const unsigned char *bytes = read_bytes(in, count);
    if (bytes != NULL && memcmp(bytes, wanted, count) != 0)
        in->r = LINT_CODE_E_UNREADABLE;
}

static void read_header(struct reader *in)
{
    static const unsigned char begin[] = LUA_SIGNATURE "\x54\0\x19\x93\r\n\x1a\n";
    static const unsigned char sizes[] = { sizeof(uint32_t), sizeof(lua_Integer),
                                           sizeof(lua_Number) };
    lua_Integer integer = 0x5678; /* tells the order of bytes */
    lua_Number number = 370.5;    /* tells the form of floats */
    expect_bytes(in, begin, sizeof(begin) - 1);
    expect_bytes(in, sizes, sizeof(sizes));
    expect_bytes(in, &integer, sizeof(integer));
    expect_bytes(in, &number, sizeof(number));
    (void)read_byte(in); /* the count of upvalues, which comes again */
}

static bool is_main(const struct lint_function *f)
{
    struct lint_text name = f->upvalue_count == 1 ? f->upvalues[0].name : (struct lint_text){ 0 };
    return f->line == 0 && name.len == 4 && memcmp(name.bytes, "_ENV", 4) == 0;
}

static void function_deinit(struct lint_function *f)
{
    for (size_t i = 0; i < f->function_count; i++)
        function_deinit(&f->functions[i]);
    mem_free(f->functions);
    mem_free(f->upvalues);
    mem_free(f->constants);
    mem_free(f->spots);
    mem_free(f->code);
}

struct lint_function *lint_code_free(struct lint_function *main_function)
{
    if (main_function != NULL)
        function_deinit(main_function);
    return mem_free(main_function);
}

int lint_code_parse(const void *bytes, size_t len_bytes, struct lint_function **ret)
{
    struct reader in = { .at = bytes, .end = (const unsigned char *)bytes + len_bytes };
    read_header(&in);
    struct lint_function *f = new_items(&in, 1, sizeof(*f));
    if (f != NULL)
        read_function(&in, f, 0);
    if (in.r == 0 && (bytes_left(&in) > 0 || !is_main(f)))
        in.r = LINT_CODE_E_UNREADABLE;
    if (in.r == 0)
        *ret = f;
    else
        lint_code_free(f);
    return in.r < 0 ? err_trace(in.r) : in.r;
}
