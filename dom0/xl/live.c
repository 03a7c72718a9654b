/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Redrawing, see live.h: on the terminal's second screen, which goes when the
 * command does. A picture is made whole before any of it is shown, so that
 * nothing flickers.
 */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

bool xk_window_get(struct xk_window *window)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    struct winsize ws = { .ws_col = 0 };
    bool on;

    *window = (struct xk_window){ .columns = 80 };
    on = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
    if (!on)
        return false;
    window->rows = 24;
    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col && ws.ws_row) {
        window->columns = ws.ws_col;
        window->rows = ws.ws_row;
    }
    window->colour = !no_colour || !*no_colour;
    return true;
}

/* Each line ends with what clears the rest of it; so does the last. What is
 * below the window would make it roll. */
static void show(const char *text, unsigned int rows)
{
    const char *end;

    fputs("\033[H", stdout);
    for (; *text && rows; rows--, text = end + !!*end) {
        end = strchrnul(text, '\n');
        fwrite(text, 1, (size_t)(end - text), stdout);
        fputs("\033[K", stdout);
        if (*end && end[1] && rows > 1)
            fputs("\r\n", stdout);
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

static int draw_once(xk_live_fn *draw, char *why, size_t size, void *arg)
{
    struct xk_window window;
    size_t len = 0;
    char *text = NULL;
    FILE *out;
    int rc;

    (void)xk_window_get(&window);
    out = open_memstream(&text, &len);
    if (!out) {
        snprintf(why, size, "out of memory");
        return -ENOMEM;
    }
    rc = draw(out, &window, why, size, arg);
    if (fclose(out) && !rc) {
        snprintf(why, size, "out of memory");
        rc = -ENOMEM;
    }
    if (!rc)
        show(text, window.rows);
    free(text);
    return rc;
}

/* True: go on. A window of another size is drawn at once. */
static bool wait_a_while(const sigset_t *set)
{
    static const struct timespec pause = { .tv_sec = XK_LIVE_SECONDS };
    int number;

    do {
        number = sigtimedwait(set, NULL, &pause);
    } while (number < 0 && errno == EINTR);
    return number < 0 || number == SIGWINCH;
}

int xk_live(const struct xk_command *cmd, xk_live_fn *draw, void *arg)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
                                   SIGTSTP, SIGWINCH };
    char why[XK_WHY_MAX] = "";
    sigset_t set;
    size_t i;
    int rc;

    /* They stay blocked: one that is pending ends what waits, and never the
     * process before the terminal is as it was. */
    sigemptyset(&set);
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fputs(ENTER, stdout);
    do {
        rc = draw_once(draw, why, sizeof(why), arg);
    } while (!rc && !ferror(stdout) && wait_a_while(&set));
    fputs(LEAVE, stdout);
    fflush(stdout);
    if (rc == -EINTR)
        return XK_EXIT_DONE;
    if (rc)
        xk_complain(cmd, "%s", why);
    return xk_command_code(rc);
}
