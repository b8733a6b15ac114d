// Start-up: from exec to the first 200 of /healthz, a few times on the same data folder.
#include <sys/wait.h>

#include "bench.h"

static const char USAGE[] = "startup --url HOST:PORT [--times N (5)] -- COMMAND ARGUMENTS...\n";

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL);
    char **command = NULL;
    for (int i = 1; i < argc - 1; i++)
        if (strcmp(argv[i], "--") == 0) command = argv + i + 1;
    if (!url || !command) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    Target target = parse_target(url);
    int times = atoi(option(argc, argv, "--times", "5"));
    Latencies starts = {0};
    char request[256];
    int length = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nhost: %s:%d\r\n\r\n", target.host, target.port);
    for (int i = 0; i < times; i++) {
        uint64_t began = now_us();
        pid_t child = fork();
        if (child == 0) {
            int null = open("/dev/null", O_WRONLY);
            dup2(null, 1);
            dup2(null, 2);
            execvp(command[0], command);
            _exit(127);
        }
        for (bool ready = false; !ready;) {
            if (now_us() - began > 30000000) die("not ready within 30 s");
            if (waitpid(child, NULL, WNOHANG) == child) die("the server ended before it was ready");
            int fd = try_connect(&target);
            if (fd >= 0) {
                Response answer = {0};
                if (send_all(fd, request, (size_t)length))
                    while (!answer.complete && response_receive(&answer, fd)) {}
                ready = answer.complete && answer.status == 200;
                close(fd);
            }
            if (!ready) usleep(500);
        }
        note(&starts, now_us() - began);
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
    printf("%8s %8s %8s %8s\n", "starts", "min ms", "p50 ms", "max ms");
    sort_latencies(&starts);
    printf("%8d %8.1f %8.1f %8.1f\n", times, percentile(&starts, 0), percentile(&starts, 50), percentile(&starts, 100));
    return 0;
}
