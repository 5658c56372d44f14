/*
 * base/conf.h. Every test runs in a fresh directory of its own, so that no settings file is found
 * by chance; the shipped files are found by way of the place of this source.
 */
#include "base/conf.h"
#include "base/err.h"
#include "base/mem.h"
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REST_MAX = 2, ARGS_MAX = 12, TEXT_BYTES = 1 << 18 };

static char source_root[PATH_MAX]; /* set once in main(), before any test */
static char directory[64];         /* of the test that runs; set by its fixture */

struct loaded {
    struct conf conf;
    struct buf problems;
    const char *rest[REST_MAX];
    int rest_count;
    int result;
};

static void enter_directory(void)
{
    strcpy(directory, "/tmp/anabranch-test-conf-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void leave_directory(void)
{
    static const char *const names[] = { "config/anabranch.json", "config", "a.json", "keys",
                                         "key" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        (void)remove(names[i]); /* most tests make none of them */
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void write_default_file(const char *text)
{
    ck_assert_int_eq(mkdir("config", 0700), 0);
    write_file("config/anabranch.json", text);
}

/* args and env: words up to the first NULL. */
static struct loaded load(const char *const *args, const char *const *env)
{
    struct loaded l;
    int count = 0;
    memset(&l, 0, sizeof(l));
    while (args[count] != NULL)
        count++;
    buf_init(&l.problems, TEXT_BYTES);
    static const char *const options[] = { "--input", NULL };
    struct conf_args in = { .count = count,
                            .args = (char *const *)args,
                            .options = options,
                            .words = l.rest,
                            .words_max = REST_MAX };
    l.result = conf_load(&in, (char *const *)env, &l.conf, &l.problems);
    l.rest_count = in.word_count;
    return l;
}

static void unload(struct loaded *l)
{
    conf_deinit(&l->conf);
    buf_deinit(&l->problems);
}

static void assert_good(const struct loaded *l)
{
    ck_assert_msg(l->result == 0, "%d: %s", l->result, buf_text(&l->problems));
}

#define WORDS(...)   ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE         ((const char *const[]){ NULL })
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_says(const struct loaded *l, const char *part)
{
    ck_assert_msg(strstr(buf_text(&l->problems), part) != NULL, "\"%s\" is not in: %s", part,
                  buf_text(&l->problems));
}

static void assert_prints(const struct loaded *l, const char *line)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES);
    conf_print(&l->conf, &out);
    ck_assert_int_eq(out.fault, 0);
    ck_assert_msg(strstr(buf_text(&out), line) != NULL, "\"%s\" is not in: %s", line,
                  buf_text(&out));
    buf_deinit(&out);
}

START_TEST(without_any_source_the_defaults_hold)
{
    struct loaded l = load(NONE, NONE);
    assert_good(&l);
    ck_assert_str_eq(l.conf.listen, "127.0.0.1:8123");
    ck_assert_str_eq(l.conf.config, "");
    ck_assert_str_eq(l.conf.graphs, "config/graphs");
    ck_assert_str_eq(l.conf.database, "sqlite:anabranch.db");
    ck_assert_str_eq(l.conf.default_model, "demo");
    ck_assert_str_eq(l.conf.auth, "");
    ck_assert_int_eq(l.conf.max_body_bytes, 4194304);
    ck_assert_int_eq(l.conf.connection_idle_ms, 60000);
    ck_assert_int_eq(l.conf.logs_bytes, 268435456);
    ck_assert_int_eq(l.conf.run_timeout_ms, 0);
    ck_assert_int_eq(l.conf.demo_delay_ms, 30);
    ck_assert(!l.conf.test_routes);
    ck_assert_uint_eq(json_object_size(l.conf.providers), 0);
    unload(&l);
}
END_TEST

START_TEST(flag_beats_environment_beats_file_beats_default)
{
    write_default_file("{\"max_runs\": 2, \"max_tasks\": 2, \"max_nodes\": 2}");
    struct loaded l =
        load(WORDS("--max-runs", "4"), WORDS("ANABRANCH_MAX_RUNS=3", "ANABRANCH_MAX_TASKS=3"));
    assert_good(&l);
    ck_assert_int_eq(l.conf.max_runs, 4);
    ck_assert_int_eq(l.conf.max_tasks, 3);
    ck_assert_int_eq(l.conf.max_nodes, 2);
    ck_assert_int_eq(l.conf.max_fields, 1000);
    assert_prints(&l, "max_runs = 4  (flag --max-runs)\n");
    assert_prints(&l, "max_tasks = 3  (environment ANABRANCH_MAX_TASKS)\n");
    assert_prints(&l, "max_nodes = 2  (file config/anabranch.json)\n");
    assert_prints(&l, "max_fields = 1000  (default)\n");
    unload(&l);
}
END_TEST

START_TEST(a_file_that_repeats_a_default_sets_nothing)
{
    write_default_file("{\"max_connections\": 10000, \"listen\": \"127.0.0.1:8123\", "
                       "\"test_routes\": false, \"providers\": {}, \"log_level\": \"warn\"}");
    struct loaded l = load(WORDS("--max-runs=10000"), NONE);
    assert_good(&l);
    ck_assert_int_eq(conf_origin_of(&l.conf, "max_connections"), CONF_FROM_DEFAULT);
    ck_assert_int_eq(conf_origin_of(&l.conf, "listen"), CONF_FROM_DEFAULT);
    ck_assert_int_eq(conf_origin_of(&l.conf, "test_routes"), CONF_FROM_DEFAULT);
    ck_assert_int_eq(conf_origin_of(&l.conf, "providers"), CONF_FROM_DEFAULT);
    ck_assert_int_eq(conf_origin_of(&l.conf, "log_level"), CONF_FROM_FILE);
    ck_assert_int_eq(conf_origin_of(&l.conf, "max_runs"), CONF_FROM_FLAG);
    unload(&l);
}
END_TEST

START_TEST(values_are_printed_with_their_units_and_empty_lists_as_such)
{
    struct loaded l = load(WORDS("--drain-ms=1500"), NONE);
    assert_good(&l);
    assert_prints(&l, "max_body_bytes = 4MiB  (default)\n");
    assert_prints(&l, "drain_ms = 1500ms  (flag --drain-ms)\n");
    assert_prints(&l, "heartbeat_ms = 5s  (default)\n");
    assert_prints(&l, "run_timeout_ms = 0  (default)\n");
    assert_prints(&l, "cors_origins = []  (default)\n");
    assert_prints(&l, "api_keys = []  (default)\n");
    assert_prints(&l, "openai_api_key = \"\"  (default)\n");
    unload(&l);
}
END_TEST

struct variables {
    char text[1000];
};

static void note_variable(void *arg, const char *name, const char *nearest)
{
    struct variables *v = arg;
    size_t len = strlen(v->text);
    snprintf(v->text + len, sizeof(v->text) - len, "%s~%s ", name,
             nearest != NULL ? nearest : "none");
}

START_TEST(variables_that_are_no_settings_are_told)
{
    struct variables v = { "" };
    const char *const env[] = { "ANABRANCH_LISTN=x",
                                "ANABRANCH_LISTEN=x",
                                "ANABRANCH_COLOUR_OF_THE_SKY=blue",
                                "ANABRANCH_BIN=/bin/true",
                                "ANABRANCH_PORT=tcp://10.0.0.1:8123",
                                "ANABRANCH_PORT_8123_TCP=x",
                                "ANABRANCH_SERVICE_HOST=x",
                                "PATH=/",
                                NULL };
    conf_each_unknown_variable((char *const *)env, note_variable, &v);
    ck_assert_str_eq(v.text, "ANABRANCH_LISTN~ANABRANCH_LISTEN ANABRANCH_COLOUR_OF_THE_SKY~none ");
    conf_each_unknown_variable(NULL, note_variable, &v);
}
END_TEST

START_TEST(the_usual_variables_of_openai_count_after_our_own)
{
    struct loaded l = load(NONE, WORDS("OPENAI_API_KEY=sk-usual", "OPENAI_BASE_URL=http://a/v1",
                                       "ANABRANCH_OPENAI_BASE_URL=http://b/v1"));
    assert_good(&l);
    ck_assert_str_eq(l.conf.openai_api_key, "sk-usual");
    ck_assert_str_eq(l.conf.openai_base_url, "http://b/v1");
    ck_assert_str_eq(l.conf.default_model, "openai:gpt-4o-mini");
    assert_prints(&l, "openai_api_key = ****  (environment OPENAI_API_KEY)\n");
    unload(&l);
}
END_TEST

START_TEST(an_empty_variable_counts_as_not_set)
{
    struct loaded l =
        load(NONE, WORDS("OPENAI_API_KEY=", "ANABRANCH_LISTEN=", "ANABRANCH_MAX_RUNS="));
    assert_good(&l);
    ck_assert_str_eq(l.conf.default_model, "demo");
    ck_assert_int_eq(l.conf.max_runs, 10000);
    unload(&l);
}
END_TEST

START_TEST(keys_make_auth_keys_and_are_never_printed)
{
    struct loaded l = load(NONE, WORDS("ANABRANCH_API_KEYS= one , two,"));
    assert_good(&l);
    ck_assert_str_eq(l.conf.api_keys, "one,two");
    ck_assert_str_eq(l.conf.auth, "keys");
    assert_prints(&l, "api_keys = ****  (environment ANABRANCH_API_KEYS)\n");
    assert_prints(&l, "auth = keys  (default)\n");
    unload(&l);
}
END_TEST

START_TEST(secrets_are_read_from_files)
{
    write_file("keys", "one\r\n\ntwo\n");
    write_file("key", "sk-file\n");
    struct loaded l = load(WORDS("--api-keys-file", "keys", "--openai-api-key-file=key"),
                           WORDS("OPENAI_API_KEY=sk-env"));
    assert_good(&l);
    ck_assert_str_eq(l.conf.api_keys, "one,two");
    ck_assert_str_eq(l.conf.openai_api_key, "sk-file");
    unload(&l);
}
END_TEST

START_TEST(a_file_of_keys_may_have_comments_and_blank_lines)
{
    write_file("keys", "# of the team\none\n \n\n#two\nthree#3, four\n# end");
    struct loaded l = load(WORDS("--api-keys-file", "keys"), NONE);
    assert_good(&l);
    ck_assert_str_eq(l.conf.api_keys, "one,three#3,four");
    unload(&l);
}
END_TEST

static const struct {
    const char *text;
    const char *problem;
} wrong_keys[] = {
    { "one\n\ntwo words\n", "--api-keys-file: line 3: the secret is malformed" },
    { "# none\n\n# at all\n", "--api-keys-file: there is nothing in the file but" },
    { ",\n", "--api-keys-file: there is nothing in the file but" },
    { "\n\n", "--api-keys-file: the file is empty" },
};

START_TEST(a_wrong_file_of_keys_is_refused_with_the_line)
{
    write_file("keys", wrong_keys[_i].text);
    struct loaded l = load(WORDS("--api-keys-file", "keys"), NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, wrong_keys[_i].problem);
    unload(&l);
}
END_TEST

START_TEST(the_value_of_an_unknown_flag_is_not_one_word_too_many)
{
    struct loaded l = load(WORDS("--listn", "one", "two", "three"), NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    ck_assert_str_eq(buf_text(&l.problems), "--listn: unknown flag; did you mean --listen?\n");
    unload(&l);
}
END_TEST

static const struct {
    const char *flag;
    int64_t body_bytes;
    int64_t idle_ms;
} sizes[] = {
    { "--max-body-bytes=2048", 2048, 60000 },     { "--max-body-bytes=2KiB", 2048, 60000 },
    { "--max-body-bytes=3 mib", 3145728, 60000 }, { "--max-body-bytes=1GiB", 1073741824, 60000 },
    { "--connection-idle-ms=70", 4194304, 70 },   { "--connection-idle-ms=70ms", 4194304, 70 },
    { "--connection-idle-ms=7s", 4194304, 7000 }, { "--connection-idle-ms=2m", 4194304, 120000 },
};

START_TEST(sizes_and_times_may_carry_a_unit)
{
    struct loaded l = load(WORDS(sizes[_i].flag), NONE);
    assert_good(&l);
    ck_assert_int_eq(l.conf.max_body_bytes, sizes[_i].body_bytes);
    ck_assert_int_eq(l.conf.connection_idle_ms, sizes[_i].idle_ms);
    unload(&l);
}
END_TEST

static const struct {
    const char *word;
    bool value;
} booleans[] = {
    { "--test-routes", true },      { "--test-routes=true", true },
    { "--test-routes=YES", true },  { "--test-routes=1", true },
    { "--test-routes=on", true },   { "--test-routes=false", false },
    { "--test-routes=Off", false }, { "--test-routes=no", false },
    { "--test-routes=0", false },
};

START_TEST(a_boolean_takes_the_usual_words)
{
    struct loaded l = load(WORDS(booleans[_i].word, "word"), NONE);
    assert_good(&l);
    ck_assert(l.conf.test_routes == booleans[_i].value);
    ck_assert_str_eq(l.rest[0], "word");
    unload(&l);
}
END_TEST

static const struct {
    const char *words[3];
    const char *problem;
} wrong_flags[] = {
    { { "--max-depth=0" }, "--max-depth: 0 is outside 1 to 2000" },
    { { "--max-depth=2001" }, "--max-depth: 2001 is outside 1 to 2000" },
    { { "--max-depth", "abc" }, "--max-depth: \"abc\" is not right; wanted: a whole number" },
    { { "--max-depth", "-1" }, "--max-depth: -1 is outside" },
    { { "--max-depth=1KiB" }, "wanted: a whole number" },
    { { "--max-depth=99999999999999999999" }, "is not right" },
    { { "--max-body-bytes=9223372036854775807KiB" }, "is not right" },
    { { "--max-body-bytes=5s" }, "KiB, MiB or GiB" },
    { { "--drain-ms=1.5s" }, "ms, s or m" },
    { { "--drain-ms=" }, "is not right" },
    { { "--test-routes=maybe" }, "\"maybe\" is neither true nor false" },
    { { "--listen=8123" }, "wanted: host:port" },
    { { "--listen=a:b" }, "wanted: host:port" },
    { { "--listen=a:65536" }, "wanted: host:port" },
    { { "--listen=::1:80" }, "wanted: host:port" },
    { { "--listen=:80" }, "wanted: host:port" },
    { { "--listen=" }, "wanted: host:port" },
    { { "--graphs=" }, "wanted: files and folders" },
    { { "--database=mysql:x" }, "wanted: sqlite:" },
    { { "--database=sqlite://x" }, "wanted: sqlite:" },
    { { "--default-model=openai:" }, "wanted: provider:model" },
    { { "--log-level=loud" }, "wanted: error, warn, info or debug" },
    { { "--auth=maybe" }, "wanted: keys or off" },
    { { "--auth=keys" }, "auth is keys but api_keys is empty" },
    { { "--cors-origins=http://a/b" }, "without a path" },
    { { "--openai-base-url=ftp://a" }, "an http or https address" },
    { { "--openai-base-url=http://u:p@a" }, "an http or https address" },
    { { "--recursion-limit=200000" }, "above max_recursion_limit" },
    { { "--log-bytes=1GiB" }, "above logs_bytes" },
    { { "--lisen=a:1" }, "--lisen: unknown flag; did you mean --listen?" },
    { { "--max-dept" }, "did you mean --max-depth?" },
    { { "--something-else" }, "--something-else: unknown flag; --help lists" },
    { { "-x" }, "-x: unknown flag" },
    { { "--inptu", "{}" }, "--inptu: unknown flag; did you mean --input?" },
    { { "--input" }, "--input: a value is missing, is too much, or is given twice" },
    { { "--listen" }, "--listen: a value must follow" },
    { { "--listen", "--test-routes" }, "--listen: a value must follow" },
    { { "one", "two", "three" }, "three: one word too many" },
    { { "--config=nowhere.json" }, "--config: cannot read nowhere.json: No such file" },
    { { "--config=." }, "--config: cannot read .: Is a directory" },
    { { "--api-keys-file=nowhere" }, "--api-keys-file: cannot read nowhere" },
    { { "--providers=[]" }, "wanted: an object" },
    { { "--providers={" }, "not valid JSON at line 1, column 2" },
};

START_TEST(a_wrong_flag_is_refused_with_what_would_be_right)
{
    const char *const words[] = { wrong_flags[_i].words[0], wrong_flags[_i].words[1],
                                  wrong_flags[_i].words[2], NULL };
    struct loaded l = load(words, NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, wrong_flags[_i].problem);
    unload(&l);
}
END_TEST

static const struct {
    const char *json;
    const char *problem;
} wrong_files[] = {
    { "{", "a.json: not valid JSON at line 1, column 2" },
    { "[]", "a.json: of type array; wanted: an object" },
    { "{\"max_run\": 1}", "a.json: max_run: there is no such setting; did you mean max_runs?" },
    { "{\"zzzzzzzz\": 1}", "a.json: zzzzzzzz: there is no such setting\n" },
    { "{\"config\": \"b.json\"}", "a.json: config: a settings file cannot name another" },
    { "{\"max_runs\": 0}", "a.json: max_runs: 0 is outside 1 to 1000000" },
    { "{\"max_runs\": 1.5}", "a.json: max_runs: of type number; wanted: a whole number" },
    { "{\"max_runs\": true}", "of type boolean" },
    { "{\"test_routes\": 1}", "of type integer; wanted: true or false" },
    { "{\"listen\": 1}", "wanted: a string" },
    { "{\"listen\": \"\"}", "a.json: listen: \"\" is not right" },
    { "{\"graphs\": [1]}", "a.json: graphs: item 0 is of type integer" },
    { "{\"graphs\": [\"a:b\"]}", "a.json: graphs: \"a:b\" is not right" },
    { "{\"graphs\": []}", "the list is empty" },
    { "{\"graphs\": null}", "wanted: an array of strings" },
    { "{\"providers\": \"{}\"}", "wanted: an object" },
    { "{\"providers\": {\"Bad\": {}}}", "\"Bad\" cannot be a name" },
    { "{\"providers\": {\"demo\": {}}}", "demo is built in" },
    { "{\"providers\": {\"a\": 1}}", "a: wanted: an object" },
    { "{\"providers\": {\"a\": {\"base_url\": \"http://x\"}}}", "a: kind is missing" },
    { "{\"providers\": {\"a\": {\"kind\": \"openai\"}}}", "a: base_url is missing" },
    { "{\"providers\": {\"a\": {\"kind\": \"other\"}}}", "a: kind: wanted: \"openai\"" },
    { "{\"providers\": {\"a\": {\"base_url\": \"x\"}}}", "a: base_url: wanted: an http or https" },
    { "{\"providers\": {\"a\": {\"api_key_env\": \"1x\"}}}",
      "the name of an environment variable" },
    { "{\"providers\": {\"a\": {\"api_key_env\": \"X\", \"api_key\": \"y\"}}}",
      "exclude each other" },
    { "{\"providers\": {\"a\": {\"headers\": {\"x y\": \"z\"}}}}",
      "cannot be the name of a header" },
    { "{\"providers\": {\"a\": {\"headers\": {\"x\": \"z\\r\\n\"}}}}", "header x: wanted" },
    { "{\"providers\": {\"a\": {\"url\": 1}}}", "a: unknown key \"url\"" },
};

START_TEST(a_wrong_file_is_refused_with_the_place)
{
    write_file("a.json", wrong_files[_i].json);
    struct loaded l = load(WORDS("--config", "a.json"), NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, wrong_files[_i].problem);
    unload(&l);
}
END_TEST

START_TEST(every_mistake_of_every_source_is_reported)
{
    write_default_file("{\"max_runs\": 0, \"unknown_thing\": 1}");
    struct loaded l = load(WORDS("--max-runs=x", "--nonsense"),
                           WORDS("ANABRANCH_MAX_RUNS=y", "ANABRANCH_LISTEN=z"));
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, "config/anabranch.json: max_runs: 0");
    assert_says(&l, "config/anabranch.json: unknown_thing");
    assert_says(&l, "--max-runs: \"x\"");
    assert_says(&l, "--nonsense: unknown flag");
    assert_says(&l, "ANABRANCH_MAX_RUNS: \"y\"");
    assert_says(&l, "ANABRANCH_LISTEN: \"z\"");
    unload(&l);
}
END_TEST

START_TEST(no_problem_repeats_a_secret)
{
    write_file("keys", "hush hush\n");
    struct loaded l = load(WORDS("--openai-api-key", "hush", "--api-keys=hush", "--api-keyz=hush",
                                 "--api-keys-file=keys"),
                           WORDS("OPENAI_API_KEY=hush\thush"));
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, "--openai-api-key: no secrets on the command line");
    assert_says(&l, "use --openai-api-key-file");
    assert_says(&l, "OPENAI_API_KEY: the secret is malformed");
    ck_assert_ptr_null(strstr(buf_text(&l.problems), "hush"));
    ck_assert_int_eq(l.rest_count, 0);
    unload(&l);
}
END_TEST

START_TEST(a_providers_key_is_masked_and_not_taken_from_a_flag)
{
    const char *json =
        "ANABRANCH_PROVIDERS={\"a\":{\"kind\":\"openai\",\"base_url\":\"http://x/v1\","
        "\"api_key\":\"hush\",\"headers\":{\"x-key\":\"hush\"}}}";
    struct loaded l = load(NONE, WORDS(json));
    assert_good(&l);
    const json_t *provider = json_object_get(l.conf.providers, "a");
    ck_assert_str_eq(json_string_value(json_object_get(provider, "api_key")), "hush");
    assert_prints(&l, "providers = {\"a\":{\"kind\":\"openai\",\"base_url\":\"http://x/v1\","
                      "\"api_key\":\"****\",\"headers\":{\"x-key\":\"****\"}}}  (environment");
    unload(&l);
    l = load(WORDS("--providers", strchr(json, '{')), NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    assert_says(&l, "no api_key on the command line");
    unload(&l);
}
END_TEST

START_TEST(lists_in_a_file_are_arrays_or_strings)
{
    write_file("a.json", "{\"$comment\": 1, \"$schema\": \"x\", \"graphs\": [\"a\", \" b \"],"
                         " \"cors_origins\": \"http://a, *\", \"drain_ms\": \"2s\","
                         " \"test_routes\": true, \"api_keys\": []}");
    struct loaded l = load(WORDS("--config=a.json"), NONE);
    assert_good(&l);
    ck_assert_str_eq(l.conf.graphs, "a:b");
    ck_assert_str_eq(l.conf.cors_origins, "http://a,*");
    ck_assert_int_eq(l.conf.drain_ms, 2000);
    ck_assert(l.conf.test_routes);
    ck_assert_str_eq(l.conf.config, "a.json");
    unload(&l);
}
END_TEST

START_TEST(an_empty_config_flag_reads_no_file)
{
    write_default_file("{\"max_runs\": 2}");
    struct loaded l = load(WORDS("--config="), NONE);
    assert_good(&l);
    ck_assert_int_eq(l.conf.max_runs, 10000);
    unload(&l);
}
END_TEST

START_TEST(words_are_left_to_the_caller_and_two_dashes_end_the_flags)
{
    struct loaded l = load(WORDS("a", "--max-runs", "3", "--", "--b"), NONE);
    assert_good(&l);
    ck_assert_int_eq(l.rest_count, 2);
    ck_assert_str_eq(l.rest[0], "a");
    ck_assert_str_eq(l.rest[1], "--b");
    unload(&l);
}
END_TEST

START_TEST(help_wins_over_mistakes_and_print_does_not)
{
    struct loaded l = load(WORDS("--nonsense", "--help"), NONE);
    ck_assert_int_eq(l.result, CONF_E_HELP);
    unload(&l);
    l = load(WORDS("--print-config", "--nonsense"), NONE);
    ck_assert_int_eq(l.result, CONF_E_WRONG);
    unload(&l);
    l = load(WORDS("--print-config"), NONE);
    ck_assert_int_eq(l.result, CONF_E_PRINT);
    ck_assert_str_eq(l.conf.listen, "127.0.0.1:8123");
    unload(&l);
}
END_TEST

START_TEST(help_names_every_kind_of_source)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES);
    conf_help(&out);
    ck_assert_int_eq(out.fault, 0);
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "--api-keys-file FILE"));
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "ANABRANCH_OPENAI_API_KEY, OPENAI_API_KEY"));
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "default 127.0.0.1:8123"));
    buf_deinit(&out);
}
END_TEST

static char *read_shipped(const char *name)
{
    char path[PATH_MAX + 64];
    struct buf b;
    buf_init(&b, TEXT_BYTES);
    snprintf(path, sizeof(path), "%s/%s", source_root, name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    for (int c; (c = fgetc(f)) != EOF;)
        buf_add_char(&b, (char)c);
    fclose(f);
    return buf_take(&b, NULL);
}

static const struct {
    const char *name;
    void (*print)(struct buf *out);
} shipped[] = { { "config/anabranch.json", conf_json }, { "docs/settings.md", conf_markdown } };

START_TEST(the_shipped_files_are_what_the_table_prints)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES);
    shipped[_i].print(&out);
    ck_assert_int_eq(out.fault, 0);
    char *text = read_shipped(shipped[_i].name);
    ck_assert_str_eq(text, buf_text(&out));
    mem_free(text);
    buf_deinit(&out);
}
END_TEST

/* Values only: the origins differ. */
static char *print_values(struct conf *c)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES);
    memset(c->origins, CONF_FROM_DEFAULT, sizeof(c->origins));
    strcpy(c->config, "");
    conf_print(c, &out);
    return buf_take(&out, NULL);
}

START_TEST(the_shipped_settings_file_changes_no_default)
{
    char *text = read_shipped("config/anabranch.json");
    write_default_file(text);
    mem_free(text);
    struct loaded l = load(NONE, WORDS("OPENAI_API_KEY=sk", "ANABRANCH_API_KEYS=a"));
    assert_good(&l);
    ck_assert_str_eq(l.conf.default_model, "openai:gpt-4o-mini");
    ck_assert_str_eq(l.conf.auth, "keys");
    unload(&l);
    l = load(NONE, NONE);
    assert_good(&l);
    struct conf defaults;
    ck_assert_int_eq(conf_default(&defaults), 0);
    char *wanted = print_values(&defaults);
    char *found = print_values(&l.conf);
    ck_assert_str_eq(found, wanted);
    mem_free(wanted);
    mem_free(found);
    conf_deinit(&defaults);
    unload(&l);
}
END_TEST

START_TEST(loading_survives_each_failing_allocation)
{
    write_default_file("{\"graphs\": [\"a\", \"b\"], \"listen\": \"a:1\", \"providers\": {\"p\": "
                       "{\"kind\": \"openai\", \"base_url\": \"http://x\"}}}");
    write_file("keys", "one\ntwo\n");
    int r = ERR_NOMEM;
    for (unsigned long n = 1; r != 0; n++) {
        mem_fail_at(n);
        struct loaded l = load(WORDS("--api-keys-file", "keys", "--max-runs=7"),
                               WORDS("OPENAI_API_KEY=sk", "ANABRANCH_PROVIDERS={}"));
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        r = l.result;
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        unload(&l);
    }
}
END_TEST

START_TEST(reporting_mistakes_survives_each_failing_allocation)
{
    int r = ERR_NOMEM;
    for (unsigned long n = 1; r == ERR_NOMEM; n++) {
        mem_fail_at(n);
        struct loaded l = load(WORDS("--max-runs=x", "--nonsense"), WORDS("ANABRANCH_GRAPHS=\n"));
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        r = l.result;
        ck_assert_int_eq(r, is_pending ? CONF_E_WRONG : ERR_NOMEM);
        unload(&l);
    }
}
END_TEST

START_TEST(defaults_survive_each_failing_allocation)
{
    int r = ERR_NOMEM;
    for (unsigned long n = 1; r != 0; n++) {
        struct conf c;
        mem_fail_at(n);
        r = conf_default(&c);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        conf_deinit(&c);
    }
}
END_TEST

static void find_source_root(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", __FILE__);
    char *slash = strrchr(path, '/');
    strcpy(slash != NULL ? slash : path, slash != NULL ? "/../.." : "../..");
    if (realpath(path, source_root) == NULL)
        perror(path);
}

int main(void)
{
    mem_init();
    find_source_root();
    Suite *suite = suite_create("conf");
    TCase *c = tcase_create("conf");
    tcase_add_checked_fixture(c, enter_directory, leave_directory);
    tcase_add_test(c, without_any_source_the_defaults_hold);
    tcase_add_test(c, flag_beats_environment_beats_file_beats_default);
    tcase_add_test(c, a_file_that_repeats_a_default_sets_nothing);
    tcase_add_test(c, values_are_printed_with_their_units_and_empty_lists_as_such);
    tcase_add_test(c, variables_that_are_no_settings_are_told);
    tcase_add_test(c, the_usual_variables_of_openai_count_after_our_own);
    tcase_add_test(c, an_empty_variable_counts_as_not_set);
    tcase_add_test(c, keys_make_auth_keys_and_are_never_printed);
    tcase_add_test(c, secrets_are_read_from_files);
    tcase_add_test(c, a_file_of_keys_may_have_comments_and_blank_lines);
    tcase_add_loop_test(c, a_wrong_file_of_keys_is_refused_with_the_line, 0, COUNT(wrong_keys));
    tcase_add_test(c, the_value_of_an_unknown_flag_is_not_one_word_too_many);
    tcase_add_loop_test(c, sizes_and_times_may_carry_a_unit, 0, COUNT(sizes));
    tcase_add_loop_test(c, a_boolean_takes_the_usual_words, 0, COUNT(booleans));
    tcase_add_loop_test(c, a_wrong_flag_is_refused_with_what_would_be_right, 0, COUNT(wrong_flags));
    tcase_add_loop_test(c, a_wrong_file_is_refused_with_the_place, 0, COUNT(wrong_files));
    tcase_add_test(c, every_mistake_of_every_source_is_reported);
    tcase_add_test(c, no_problem_repeats_a_secret);
    tcase_add_test(c, a_providers_key_is_masked_and_not_taken_from_a_flag);
    tcase_add_test(c, lists_in_a_file_are_arrays_or_strings);
    tcase_add_test(c, an_empty_config_flag_reads_no_file);
    tcase_add_test(c, words_are_left_to_the_caller_and_two_dashes_end_the_flags);
    tcase_add_test(c, help_wins_over_mistakes_and_print_does_not);
    tcase_add_test(c, help_names_every_kind_of_source);
    tcase_add_loop_test(c, the_shipped_files_are_what_the_table_prints, 0, COUNT(shipped));
    tcase_add_test(c, the_shipped_settings_file_changes_no_default);
    tcase_add_test(c, loading_survives_each_failing_allocation);
    tcase_add_test(c, reporting_mistakes_survives_each_failing_allocation);
    tcase_add_test(c, defaults_survive_each_failing_allocation);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
