/* The upstream that all gateways of the benchmark stand in front of: OpenAI's chat completions with answers that are
 * known beforehand. One process, one epoll loop.
 *
 *     cc -O2 -o mock mock.c && ./mock PORT     (0 takes a free one; the first line on standard output is the port)
 *
 * What is asked for stands at the beginning of a message, since no gateway lets anything else through unchanged:
 *
 *     @bench cell=1 seed=7 events=128 prompt=250 burst=1 pace_us=20000 hold=0 ;
 *
 * events: words of the answer, one an event; prompt: what usage says of the prompt's tokens; burst: events in one
 * write; pace_us: time between two writes, 0 as fast as the reader takes them; hold: after how many events to wait for
 * GET /release, 0 for none. GET /stats?cell=1 tells what of this cell has been answered in full; what says nothing of a
 * cell, as the probes of some gateways do, is in none.
 */
#define _GNU_SOURCE
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
#include <sys/timerfd.h>
#include <unistd.h>

#include "words.h"

#define HEAD "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion%s\",\"created\":1760000000,\"model\":\"mock\","
#define EVENT_ROOM 512

struct conn {
    int fd;
    char *in;
    size_t have, room, body_at, body_length;
    bool chunked;
    char *out; /* what the socket did not take yet */
    size_t out_have, out_sent, out_room;
    bool wants_write, reading, streaming, usage, continuous, ended;
    uint32_t cell, seed, events, sent, burst, hold;
    uint64_t prompt, pace_ns, due;
    int place; /* in the heap of those that wait for their time; -1: none */
    struct conn *next_held;
};

#define CELLS 65536

struct stats {
    unsigned long long answers, prompt_tokens, completion_tokens;
};

static int poller, timer;
static struct conn **heap, *held;
static int waiting, heap_room;
static struct stats stats[CELLS];
static unsigned long long left, open_now;
static char event_start[256], event_words[WORDS][EVENT_ROOM];
static size_t event_length[WORDS];

static void *checked(void *memory)
{
    if (!memory) {
        perror("mock");
        exit(1);
    }
    return memory;
}

/* The heap: who is due first stands at 0. */
static void put(int at, struct conn *c)
{
    heap[at] = c;
    c->place = at;
}

static void sift(int at)
{
    struct conn *c = heap[at];
    while (at > 0 && heap[(at - 1) / 2]->due > c->due) {
        put(at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        int child = 2 * at + 1;
        if (child + 1 < waiting && heap[child + 1]->due < heap[child]->due)
            child++;
        if (child >= waiting || heap[child]->due >= c->due)
            break;
        put(at, heap[child]);
        at = child;
    }
    put(at, c);
}

static void wait_until(struct conn *c, uint64_t due)
{
    c->due = due;
    if (c->place < 0) {
        if (waiting == heap_room)
            heap = checked(realloc(heap, sizeof *heap * (size_t)(heap_room = heap_room ? 2 * heap_room : 1024)));
        put(waiting++, c);
    }
    sift(c->place);
}

static void wait_no_more(struct conn *c)
{
    int at = c->place;
    if (at < 0)
        return;
    c->place = -1;
    struct conn *last = heap[--waiting];
    if (last != c) {
        put(at, last);
        sift(at);
    }
}

static void leave(struct conn *c)
{
    if (c->streaming) {
        left++;
        open_now--;
    }
    for (struct conn **at = &held; *at; at = &(*at)->next_held)
        if (*at == c) {
            *at = c->next_held;
            break;
        }
    wait_no_more(c);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static char *room_for(struct conn *c, size_t more)
{
    if (c->out_have + more > c->out_room) {
        c->out_room = 2 * c->out_room > c->out_have + more ? 2 * c->out_room : c->out_have + more;
        c->out = checked(realloc(c->out, c->out_room));
    }
    return c->out + c->out_have;
}

/* False: the reader is gone. */
static bool flush(struct conn *c)
{
    while (c->out_sent < c->out_have) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_have - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        c->out_sent += (size_t)n;
    }
    bool blocked = c->out_sent < c->out_have;
    if (!blocked)
        c->out_sent = c->out_have = 0;
    if (blocked != c->wants_write) {
        struct epoll_event e = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
        c->wants_write = blocked;
    }
    return true;
}

static int usage_of(struct conn *c, char *to, uint32_t completion)
{
    return sprintf(to, "\"usage\":{\"prompt_tokens\":%llu,\"completion_tokens\":%u,\"total_tokens\":%llu}",
                   (unsigned long long)c->prompt, completion, (unsigned long long)c->prompt + completion);
}

/* One event as one chunk of HTTP. */
static void append_chunk(struct conn *c, const char *data, size_t length)
{
    char *to = room_for(c, length + 16);
    int head = sprintf(to, "%zx\r\n", length);
    memcpy(to + head, data, length);
    memcpy(to + head + length, "\r\n", 2);
    c->out_have += (size_t)head + length + 2;
}

static void append_event(struct conn *c)
{
    unsigned word = word_of(c->seed, c->sent++);
    if (!c->continuous) {
        memcpy(room_for(c, event_length[word]), event_words[word], event_length[word]);
        c->out_have += event_length[word];
        return;
    }
    char text[EVENT_ROOM];
    int n = sprintf(text, "%s%s\"},\"logprobs\":null,\"finish_reason\":null}],", event_start, WRITTEN[word]);
    n += usage_of(c, text + n, c->sent);
    n += sprintf(text + n, "}\n\n");
    append_chunk(c, text, (size_t)n);
}

static void append_end(struct conn *c)
{
    char text[EVENT_ROOM];
    int n = sprintf(text, "data: " HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n", ".chunk");
    append_chunk(c, text, (size_t)n);
    if (c->usage) {
        n = sprintf(text, "data: " HEAD "\"choices\":[],", ".chunk");
        n += usage_of(c, text + n, c->events);
        n += sprintf(text + n, "}\n\n");
        append_chunk(c, text, (size_t)n);
    }
    append_chunk(c, "data: [DONE]\n\n", 14);
    memcpy(room_for(c, 5), "0\r\n\r\n", 5);
    c->out_have += 5;
}

static void count(const struct conn *c)
{
    stats[c->cell].answers++;
    stats[c->cell].prompt_tokens += c->prompt;
    stats[c->cell].completion_tokens += c->events;
}

static bool read_on(struct conn *c);

/* Write what is due. False: the reader is gone. */
static bool go_on(struct conn *c)
{
    while (c->out_have == 0 && !c->ended) {
        if (c->hold && c->sent >= c->hold) {
            c->next_held = held;
            held = c;
            return true;
        }
        if (c->sent >= c->events) {
            append_end(c);
            c->ended = true;
        } else {
            for (uint32_t n = 0; n < c->burst && c->sent < c->events; n++)
                append_event(c);
        }
        if (!flush(c))
            return false;
        if (c->pace_ns && !c->ended) {
            wait_until(c, c->due + c->pace_ns);
            return true;
        }
    }
    if (c->ended && c->out_have == 0) {
        open_now--;
        count(c);
        c->streaming = c->ended = false;
        return c->reading || read_on(c);
    }
    return true;
}

static uint64_t asked(const char *directive, const char *name, uint64_t otherwise)
{
    const char *found = strstr(directive, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : otherwise;
}

/* Whether a member of this name is true, however the client wrote its blanks. */
static bool is_true(const char *body, size_t length, const char *name)
{
    const char *at = memmem(body, length, name, strlen(name)), *end = body + length;
    if (!at)
        return false;
    for (at += strlen(name); at < end && (*at == ' ' || *at == ':'); at++)
        ;
    return end - at >= 4 && !memcmp(at, "true", 4);
}

static void append_answer(struct conn *c, const char *body, size_t length)
{
    char head[160];
    int n = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", length);
    char *to = room_for(c, (size_t)n + length);
    memcpy(to, head, (size_t)n);
    memcpy(to + n, body, length);
    c->out_have += (size_t)n + length;
}

static void whole_answer(struct conn *c)
{
    char *body = checked(malloc(c->events * 16ul + EVENT_ROOM));
    size_t n = (size_t)sprintf(body, HEAD "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"", "");
    for (uint32_t i = 0; i < c->events; i++) {
        const char *word = WRITTEN[word_of(c->seed, i)];
        size_t length = strlen(word);
        memcpy(body + n, word, length);
        n += length;
    }
    n += (size_t)sprintf(body + n, "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],");
    n += (size_t)usage_of(c, body + n, c->events);
    body[n++] = '}';
    append_answer(c, body, n);
    free(body);
    count(c);
}

static bool chat(struct conn *c, const char *body, size_t length)
{
    char directive[160] = "";
    const char *at = memmem(body, length, "@bench ", 7);
    const char *end = at ? memchr(at, ';', (size_t)(body + length - at)) : NULL;
    if (end && (size_t)(end - at) < sizeof directive)
        memcpy(directive, at, (size_t)(end - at));
    c->cell = (uint32_t)asked(directive, "cell=", 0) % CELLS;
    c->seed = (uint32_t)asked(directive, "seed=", 0);
    c->events = (uint32_t)asked(directive, "events=", 1);
    c->prompt = asked(directive, "prompt=", 1);
    c->burst = (uint32_t)asked(directive, "burst=", 1);
    c->hold = (uint32_t)asked(directive, "hold=", 0);
    c->pace_ns = asked(directive, "pace_us=", 0) * 1000;
    if (!is_true(body, length, "\"stream\"")) {
        whole_answer(c);
        return flush(c);
    }
    c->usage = is_true(body, length, "\"include_usage\"");
    c->continuous = is_true(body, length, "\"continuous_usage_stats\"");
    c->sent = 0;
    c->streaming = true;
    open_now++;
    static const char start[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                                "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    memcpy(room_for(c, sizeof start - 1), start, sizeof start - 1);
    c->out_have += sizeof start - 1;
    char text[EVENT_ROOM];
    int n = sprintf(text, "data: " HEAD "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n", ".chunk");
    append_chunk(c, text, (size_t)n);
    if (!flush(c))
        return false;
    c->due = now_ns();
    return go_on(c);
}

static bool tell(struct conn *c, const char *target)
{
    char body[400];
    int n;
    if (!strncmp(target, "/stats", 6)) {
        struct rusage spent;
        getrusage(RUSAGE_SELF, &spent);
        double cpu = (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) +
                     (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6;
        const char *named = memmem(target, 24, "cell=", 5);
        const struct stats *of = &stats[named ? strtoul(named + 5, NULL, 10) % CELLS : 0];
        n = sprintf(body, "{\"answers\":%llu,\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"left\":%llu,\"open\":%llu,\"cpu_seconds\":%.6f}",
                    of->answers, of->prompt_tokens, of->completion_tokens, left, open_now, cpu);
    } else if (!strncmp(target, "/v1/models", 10)) {
        n = sprintf(body, "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1760000000,\"owned_by\":\"bench\"}]}");
    } else {
        n = sprintf(body, "{\"status\":\"ok\"}");
    }
    append_answer(c, body, (size_t)n);
    if (!flush(c))
        return false;
    while (!strncmp(target, "/release", 8) && held) {
        struct conn *one = held;
        held = one->next_held;
        one->hold = 0;
        wait_until(one, now_ns()); /* in the loop: one that is gone by now must not break this answer */
    }
    return true;
}

/* The body's bytes in place of their chunks, at `body_at`. 1: whole, and `*used` is where it ended; 0: not yet. */
static int unchunk(struct conn *c, size_t *used)
{
    size_t from = c->body_at, to = c->body_at, length;
    char *copy = c->in;
    for (size_t at = from;;) { /* first look whether all is there */
        char *line = memmem(copy + at, c->have - at, "\r\n", 2);
        if (!line)
            return 0;
        length = strtoul(copy + at, NULL, 16);
        at = (size_t)(line - copy) + 2 + length + 2;
        if (at > c->have)
            return 0;
        if (length == 0)
            break;
    }
    do {
        char *line = memmem(copy + from, c->have - from, "\r\n", 2);
        length = strtoul(copy + from, NULL, 16);
        from = (size_t)(line - copy) + 2;
        memmove(copy + to, copy + from, length);
        to += length;
        from += length + 2;
    } while (length);
    c->body_length = to - c->body_at;
    *used = from;
    return 1;
}

/* Whether the head of a request is there; what it says of its body. */
static bool read_head(struct conn *c)
{
    char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
    if (!end)
        return false;
    c->body_at = (size_t)(end - c->in) + 4;
    c->body_length = 0;
    c->chunked = false;
    for (char *line = c->in; line < end; line = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2) {
        if (!strncasecmp(line, "content-length:", 15))
            c->body_length = strtoul(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding: chunked", 26))
            c->chunked = true;
    }
    return true;
}

/* Answer what has been asked in full. False: the reader is gone. */
static bool read_on(struct conn *c)
{
    while (!c->streaming && c->have && (c->body_at || read_head(c))) {
        size_t used = c->body_at + c->body_length;
        if (c->chunked ? !unchunk(c, &used) : c->have < used)
            return true;
        char *space = memchr(c->in, ' ', c->body_at);
        const char *target = space ? space + 1 : "/";
        c->reading = true; /* an answer that ends at once must not read this request again */
        bool goes_on = !strncmp(c->in, "POST", 4) ? chat(c, c->in + c->body_at, c->body_length) : tell(c, target);
        c->reading = false;
        if (!goes_on)
            return false;
        memmove(c->in, c->in + used, c->have - used);
        c->have -= used;
        c->body_at = 0;
    }
    return true;
}

static bool receive(struct conn *c)
{
    for (;;) {
        if (c->room - c->have < 16384)
            c->in = checked(realloc(c->in, c->room = c->room ? 2 * c->room : 32768));
        ssize_t n = recv(c->fd, c->in + c->have, c->room - c->have, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n < 0)
            break;
        bool all = (size_t)n < c->room - c->have;
        c->have += (size_t)n;
        if (all)
            break;
    }
    return read_on(c);
}

static void take_in(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = checked(calloc(1, sizeof *c));
        c->fd = fd;
        c->place = -1;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

static void run_due(void)
{
    for (uint64_t now = now_ns(); waiting && heap[0]->due <= now;) {
        struct conn *c = heap[0];
        wait_no_more(c);
        if (!go_on(c))
            leave(c);
    }
    if (waiting) {
        uint64_t due = heap[0]->due;
        struct itimerspec at = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    }
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) || listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&at, &size)) {
        perror("mock: listen");
        exit(1);
    }
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    static char listening, ticking; /* what stands for the two that are no connections */
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sprintf(event_start, "data: " HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", ".chunk");
    for (int i = 0; i < WORDS; i++) {
        char text[EVENT_ROOM];
        int n = sprintf(text, "%s%s\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n", event_start, WRITTEN[i]);
        event_length[i] = (size_t)sprintf(event_words[i], "%x\r\n%s\r\n", n, text);
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    struct epoll_event events[256], e = {.events = EPOLLIN, .data.ptr = &listening};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    e.data.ptr = &ticking;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &e);
    for (;;) {
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            uint64_t ticks;
            if ((void *)c == &listening)
                take_in(listener);
            else if ((void *)c == &ticking)
                while (read(timer, &ticks, sizeof ticks) > 0)
                    ;
            else if ((events[i].events & EPOLLOUT && !(flush(c) && (!c->streaming || c->place >= 0 || go_on(c)))) ||
                     (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !receive(c)))
                leave(c);
        }
        run_due();
    }
}
