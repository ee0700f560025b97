/* The clients of the benchmark: asks a gateway for answers whose every byte is known, and measures how they come.
 * One process, one epoll loop; what it finds is one line of JSON on standard output.
 *
 *     cc -O2 -o load load.c
 *     ./load port=8484 streams=32 seconds=3 events=128 stream=1 pace_us=20000 key=sk-... [NAME=VALUE ...]
 *
 * `streams` connections ask one request after the other until `seconds` are over or `requests` are asked, and every
 * answer is read to its end. An answer is right when its text is what the mock says to its seed, when its usage is
 * what was asked for, and, where it is a stream, when it ends with [DONE]; all others are counted by what is wrong.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "words.h"

enum part { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, OVER };

static struct {
    unsigned port, streams, events, stream, pace_us, burst, hold, prompt_bytes, requests, seed, cell, ramp_ms, limit_s;
    double seconds;
    const char *key, *model, *path, *header;
} want = {.streams = 1, .events = 16, .burst = 1, .prompt_bytes = 1024, .seed = 1, .limit_s = 60, .seconds = 3,
          .key = "none", .model = "mock", .path = "/v1/chat/completions", .header = ""};

struct conn {
    int fd;
    char *in;
    size_t have, room, read; /* of `in`: what came, what fits, what was taken */
    char *text; /* of the body, what is no whole line yet; of an answer that is no stream, all of it */
    size_t text_have, text_room;
    enum part part;
    size_t left; /* bytes of the body or chunk that have not come */
    bool chunked, closes, asked, done, broken, wrong, answered_before;
    int status;
    uint32_t seed, word, letter, events;
    unsigned long long prompt, completion;
    uint64_t begun, first, last, start_at;
    size_t sent; /* of the request */
    char *request;
    size_t request_length;
};

struct samples {
    float *ms;
    size_t have, room;
};

static int poller;
static struct samples ttft, gaps, whole;
static struct {
    unsigned long long right, events, prompt, completion, bytes, refused, broken, text, undone, usage;
} count;
static unsigned next_seed, asked_for, open_now, firsts;
static char first_fault[400];
static uint64_t started, stops;

static void *checked(void *memory)
{
    if (!memory) {
        perror("load");
        exit(1);
    }
    return memory;
}

static void add(struct samples *to, uint64_t ns)
{
    if (to->have == to->room)
        to->ms = checked(realloc(to->ms, sizeof *to->ms * (to->room = to->room ? 2 * to->room : 65536)));
    to->ms[to->have++] = (float)((double)ns / 1e6);
}

static void fault(unsigned long long *kind, struct conn *c, const char *what)
{
    ++*kind;
    if (!first_fault[0])
        snprintf(first_fault, sizeof first_fault, "%s (status %d): %.*s", what, c->status,
                 (int)(c->text_have < 200 ? c->text_have : 200), c->text ? c->text : "");
}

/* Compare what came of the text with what the mock says. */
static void compare(struct conn *c, const char *text, size_t length)
{
    while (length && !c->wrong) {
        if (c->word >= want.events) {
            c->wrong = true;
            return;
        }
        const char *word = SAID[word_of(c->seed, c->word)] + c->letter;
        size_t most = strlen(word), n = most < length ? most : length;
        if (memcmp(word, text, n))
            c->wrong = true;
        text += n;
        length -= n;
        c->letter += (uint32_t)n;
        if (n == most) {
            c->word++;
            c->letter = 0;
        }
    }
}

/* The string of JSON that begins after its quote at `at`, compared as text. False: it was empty. */
static bool read_string(struct conn *c, const char *at, const char *end)
{
    char text[4096];
    size_t n = 0;
    const char *from = at;
    for (; at < end && *at != '"'; at++) {
        if (n > sizeof text - 8) {
            compare(c, text, n);
            n = 0;
        }
        if (*at != '\\') {
            text[n++] = *at;
            continue;
        }
        unsigned code;
        switch (*++at) {
        case 'n': text[n++] = '\n'; break;
        case 'u':
            code = (unsigned)strtoul((char[]){at[1], at[2], at[3], at[4], 0}, NULL, 16);
            at += 4;
            if (code < 0x80) {
                text[n++] = (char)code;
            } else { /* no word of the mock needs more than two bytes for a letter */
                text[n++] = (char)(0xc0 | code >> 6);
                text[n++] = (char)(0x80 | (code & 63));
            }
            break;
        default: text[n++] = *at;
        }
    }
    compare(c, text, n);
    return at > from;
}

/* What follows `name` and a colon, blanks passed over; NULL where it is not there. */
static const char *member(const char *at, const char *end, const char *name)
{
    const char *found = memmem(at, (size_t)(end - at), name, strlen(name));
    if (!found)
        return NULL;
    for (found += strlen(name); found < end && (*found == ' ' || *found == ':'); found++)
        ;
    return found < end ? found : NULL;
}

static void read_usage(struct conn *c, const char *at, const char *end)
{
    const char *usage = member(at, end, "\"usage\""), *n;
    if (!usage || *usage != '{')
        return;
    if ((n = member(usage, end, "\"prompt_tokens\"")))
        c->prompt = strtoull(n, NULL, 10);
    if ((n = member(usage, end, "\"completion_tokens\"")))
        c->completion = strtoull(n, NULL, 10);
}

/* One event's data, or the whole of an answer that is no stream. */
static void read_json(struct conn *c, const char *at, const char *end, uint64_t now)
{
    const char *content = member(at, end, "\"content\"");
    if (content && *content == '"' && read_string(c, content + 1, end)) {
        c->events++;
        if (!c->first) {
            add(&ttft, (c->first = now) - c->begun);
            firsts++;
        } else {
            add(&gaps, now - c->last);
        }
        c->last = now;
    }
    read_usage(c, at, end);
    if (want.stream && member(at, end, "\"error\""))
        c->broken = true;
}

static void read_text(struct conn *c, const char *data, size_t length, uint64_t now)
{
    if (c->text_have + length + 1 > c->text_room)
        c->text = checked(realloc(c->text, c->text_room = 2 * (c->text_have + length + 1)));
    memcpy(c->text + c->text_have, data, length);
    c->text_have += length;
    c->text[c->text_have] = 0;
    if (!want.stream || c->status != 200)
        return;
    char *line = c->text, *end = c->text + c->text_have, *newline;
    for (; (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1) {
        if (newline - line < 5 || memcmp(line, "data:", 5))
            continue;
        const char *at = line + 5 + (line[5] == ' ');
        if (newline - at >= 6 && !memcmp(at, "[DONE]", 6))
            c->done = true;
        else
            read_json(c, at, newline, now);
    }
    memmove(c->text, line, (size_t)(end - line));
    c->text_have = (size_t)(end - line);
}

static void read_head(struct conn *c, char *at, char *end)
{
    c->status = atoi(at + 9);
    c->chunked = c->closes = false;
    bool sized = false;
    for (; at < end; at = (char *)memmem(at, (size_t)(end + 2 - at), "\r\n", 2) + 2) {
        if (!strncasecmp(at, "content-length:", 15)) {
            c->left = strtoul(at + 15, NULL, 10);
            sized = true;
        }
        if (!strncasecmp(at, "transfer-encoding: chunked", 26))
            c->chunked = true;
        if (!strncasecmp(at, "connection: close", 17))
            c->closes = true;
    }
    c->part = c->chunked ? CHUNK_SIZE : sized && !c->left ? OVER : BODY;
    if (!c->chunked && !sized) {
        c->left = SIZE_MAX; /* until the connection ends */
        c->closes = true;
    }
}

/* Take a line that ends with CR LF; NULL where it has not come whole. */
static char *take_line(struct conn *c)
{
    char *line = c->in + c->read, *end = memmem(line, c->have - c->read, "\r\n", 2);
    if (!end)
        return NULL;
    *end = 0;
    c->read = (size_t)(end - c->in) + 2;
    return line;
}

/* Go on with what came; false where more has to come first. */
static bool step(struct conn *c, uint64_t now)
{
    char *at = c->in + c->read, *line;
    size_t there = c->have - c->read, n = there < c->left ? there : c->left;
    switch (c->part) {
    case HEAD:
        if (!(line = memmem(at, there, "\r\n\r\n", 4)))
            return false;
        c->read += (size_t)(line - at) + 4;
        read_head(c, at, line);
        return true;
    case BODY:
    case CHUNK:
        if (!there)
            return false;
        read_text(c, at, n, now);
        c->read += n;
        c->left -= n;
        if (!c->left)
            c->part = c->part == BODY ? OVER : CHUNK_END;
        return true;
    case CHUNK_SIZE:
        if (!(line = take_line(c)))
            return false;
        c->left = strtoul(line, NULL, 16);
        c->part = c->left ? CHUNK : TRAILER;
        return true;
    case CHUNK_END:
        c->part = CHUNK_SIZE;
        return take_line(c) ? true : (c->part = CHUNK_END, false);
    case TRAILER:
        if (!(line = take_line(c)))
            return false;
        if (!*line)
            c->part = OVER;
        return true;
    case OVER:
        return false;
    }
    return false;
}

static void judge(struct conn *c, uint64_t now)
{
    bool whole_text = !c->wrong && c->word == want.events;
    if (c->status != 200) {
        fault(&count.refused, c, "refused");
    } else {
        if (!want.stream)
            read_json(c, c->text, c->text + c->text_have, now);
        whole_text = !c->wrong && c->word == want.events;
        if (c->broken)
            fault(&count.broken, c, "broken off");
        else if (!whole_text)
            fault(&count.text, c, "another text");
        else if (want.stream && !c->done)
            fault(&count.undone, c, "no [DONE]");
        else if (c->completion != want.events || c->prompt != want.prompt_bytes / 4)
            fault(&count.usage, c, "another usage");
        else
            count.right++;
    }
    add(&whole, now - c->begun);
    count.events += c->events;
    count.prompt += c->prompt;
    count.completion += c->completion;
}

static bool flush(struct conn *c)
{
    while (c->sent < c->request_length) {
        ssize_t n = send(c->fd, c->request + c->sent, c->request_length - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    bool blocked = c->sent < c->request_length;
    struct epoll_event e = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = c};
    return epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e) == 0;
}

static void make_request(struct conn *c)
{
    char *body = checked(malloc(want.prompt_bytes + 2048)), head[1024];
    int n = sprintf(body, "{\"model\":\"%s\",%s\"max_tokens\":%u,\"messages\":[{\"role\":\"user\",\"content\":\"@bench cell=%u seed=0000000000 "
                          "events=%u prompt=%u burst=%u pace_us=%u hold=%u ; ",
                    want.model, want.stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "", want.events,
                    want.cell, want.events, want.prompt_bytes / 4, want.burst, want.pace_us, want.hold);
    for (uint32_t i = 0; (size_t)n + 5 < want.prompt_bytes; i++) {
        const char *word = WRITTEN[word_of(i, i)];
        size_t length = strlen(word);
        memcpy(body + n, word, length);
        n += (int)length;
    }
    n += sprintf(body + n, "\"}]}");
    int headed = snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%u\r\nauthorization: Bearer %s\r\n%s%s"
                          "content-type: application/json\r\naccept: */*\r\nuser-agent: bench\r\ncontent-length: %d\r\n\r\n",
                          want.path, want.port, want.key, want.header, *want.header ? "\r\n" : "", n);
    c->request_length = (size_t)(headed + n);
    c->request = checked(malloc(c->request_length + 1));
    memcpy(c->request, head, (size_t)headed);
    memcpy(c->request + headed, body, (size_t)n);
    c->request[c->request_length] = 0;
    free(body);
}

static void open_anew(struct conn *c)
{
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)want.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (c->fd >= 0)
        close(c->fd);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)) {
        perror("load: connect");
        exit(1);
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
    c->answered_before = false;
}

static void ask(struct conn *c)
{
    if (want.requests ? asked_for >= want.requests : now_ns() >= stops)
        return;
    asked_for++;
    open_now++;
    if (c->fd < 0 || c->closes)
        open_anew(c);
    char digits[16];
    c->seed = want.seed * 1000003u + next_seed++;
    sprintf(digits, "%010u", c->seed);
    memcpy(strstr(c->request, "seed=") + 5, digits, 10);
    c->word = c->letter = c->events = 0;
    c->prompt = c->completion = c->sent = c->text_have = c->have = c->read = 0;
    c->done = c->broken = c->wrong = c->closes = false;
    c->status = 0;
    c->part = HEAD;
    c->first = c->last = 0;
    c->asked = true;
    c->begun = now_ns();
    flush(c);
}

static void over(struct conn *c, uint64_t now)
{
    judge(c, now);
    c->asked = false;
    c->answered_before = true;
    open_now--;
    ask(c);
}

static void receive(struct conn *c)
{
    if (c->room - c->have < 32768)
        c->in = checked(realloc(c->in, c->room = c->room ? 2 * c->room : 65536));
    ssize_t n = recv(c->fd, c->in + c->have, c->room - c->have, 0);
    uint64_t now = now_ns();
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        bool until_end = c->part == BODY && c->left > SIZE_MAX / 2;
        epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
        c->closes = true;
        if (!c->asked)
            return;
        if (c->part == HEAD && c->have == 0 && c->answered_before) { /* a kept connection that was closed meanwhile */
            open_anew(c);
            c->sent = 0;
            flush(c);
            return;
        }
        c->broken |= !until_end;
        over(c, now);
        return;
    }
    count.bytes += (unsigned long long)n;
    c->have += (size_t)n;
    while (step(c, now))
        ;
    memmove(c->in, c->in + c->read, c->have - c->read);
    c->have -= c->read;
    c->read = 0;
    if (c->part == OVER && c->asked)
        over(c, now);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(const struct samples *of, double share)
{
    return of->have ? (double)of->ms[(size_t)(share * (double)(of->have - 1) + 0.5)] : 0;
}

static void tell_samples(const char *name, struct samples *of)
{
    qsort(of->ms, of->have, sizeof *of->ms, by_size);
    printf("\"%s\":{\"n\":%zu,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f,\"curve\":[", name, of->have,
           quantile(of, .5), quantile(of, .9), quantile(of, .99), quantile(of, .999), quantile(of, 1));
    for (int i = 0; i <= 100; i++)
        printf("%s%.4f", i ? "," : "", quantile(of, i / 100.0));
    printf("]},");
}

static void read_arguments(int argc, char **argv)
{
    struct { const char *name; unsigned *to; } numbers[] = {
        {"port", &want.port}, {"streams", &want.streams}, {"events", &want.events}, {"stream", &want.stream},
        {"pace_us", &want.pace_us}, {"burst", &want.burst}, {"hold", &want.hold}, {"prompt_bytes", &want.prompt_bytes},
        {"requests", &want.requests}, {"seed", &want.seed}, {"cell", &want.cell}, {"ramp_ms", &want.ramp_ms}, {"limit_s", &want.limit_s}};
    struct { const char *name; const char **to; } texts[] = {
        {"key", &want.key}, {"model", &want.model}, {"path", &want.path}, {"header", &want.header}};
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        bool known = false;
        if (value)
            *value++ = 0;
        for (size_t j = 0; value && j < sizeof numbers / sizeof *numbers; j++)
            if (!strcmp(argv[i], numbers[j].name))
                known = true, *numbers[j].to = (unsigned)strtoul(value, NULL, 10);
        for (size_t j = 0; value && j < sizeof texts / sizeof *texts; j++)
            if (!strcmp(argv[i], texts[j].name))
                known = true, *texts[j].to = value;
        if (value && !strcmp(argv[i], "seconds"))
            known = true, want.seconds = atof(value);
        if (!known) {
            fprintf(stderr, "load: %s is not known\n", argv[i]);
            exit(2);
        }
    }
}

static void run(struct conn *all)
{
    struct epoll_event events[256];
    uint64_t gives_up = started + (uint64_t)want.limit_s * 1000000000u;
    bool told = false;
    for (unsigned begun = 0; begun < want.streams || open_now;) {
        for (; begun < want.streams && now_ns() >= all[begun].start_at; begun++)
            ask(&all[begun]);
        int n = epoll_wait(poller, events, 256, begun < want.streams ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                flush(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(c);
        }
        if (want.hold && !told && firsts >= want.streams) {
            printf("all begun\n");
            fflush(stdout);
            told = true;
        }
        if (now_ns() > gives_up)
            break;
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct rusage spent;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_arguments(argc, argv);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct conn *all = checked(calloc(want.streams, sizeof *all));
    started = now_ns();
    stops = started + (uint64_t)(want.seconds * 1e9);
    for (unsigned i = 0; i < want.streams; i++) {
        all[i].fd = -1;
        all[i].start_at = started + (uint64_t)want.ramp_ms * 1000000u * i / want.streams;
        make_request(&all[i]);
    }
    run(all);
    double elapsed = (double)(now_ns() - started) / 1e9;
    getrusage(RUSAGE_SELF, &spent);
    printf("{\"asked\":%u,\"right\":%llu,\"unfinished\":%u,\"refused\":%llu,\"broken\":%llu,\"wrong_text\":%llu,\"undone\":%llu,\"wrong_usage\":%llu,",
           asked_for, count.right, open_now, count.refused, count.broken, count.text, count.undone, count.usage);
    printf("\"events\":%llu,\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"bytes\":%llu,\"elapsed\":%.6f,\"cpu_seconds\":%.6f,",
           count.events, count.prompt, count.completion, count.bytes, elapsed,
           (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) + (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6);
    tell_samples("ttft_ms", &ttft);
    tell_samples("gap_ms", &gaps);
    tell_samples("whole_ms", &whole);
    printf("\"fault\":\"");
    for (const char *at = first_fault; *at; at++)
        printf(*at == '"' || *at == '\\' ? "\\%c" : isprint((unsigned char)*at) ? "%c" : " ", *at);
    printf("\"}\n");
    return 0;
}
