// SPDX-License-Identifier: GPL-2.0-only
/*
 * A database that is worked on until it is told to stop, and whether all of
 * it is there then: what SQLite needs of a file system is locks, renames,
 * fsync() that means it, and with its write-ahead log shared mappings.
 *
 *   xk-db FILE delete|wal STOPFILE   transfers between accounts, each in a
 *                                    transaction with a record of it, until
 *                                    STOPFILE is there; says how many
 *   xk-db FILE check COUNT           sound, nothing lost of COUNT transfers
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNTS 50
#define START 1000

static sqlite3 *db;

static void die(const char *what)
{
    printf("%s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql);
}

static void run_with(const char *sql, int a, int b)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        die(sql);
    sqlite3_bind_int(stmt, 1, a);
    sqlite3_bind_int(stmt, 2, b);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die(sql);
    sqlite3_finalize(stmt);
}

/* The first column of the only row. */
static void ask(const char *sql, char answer[64])
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        die(sql);
    snprintf(answer, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
}

static void make(const char *mode)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", mode);
    run(sql);
    run("PRAGMA synchronous = FULL");
    run("CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, has INT)");
    run("CREATE TABLE IF NOT EXISTS transfer (id INTEGER PRIMARY KEY,"
        " source INT, target INT, padding BLOB)");
    run("BEGIN");
    for (int i = 0; i < ACCOUNTS; i++)
        run_with("INSERT INTO account VALUES (?, ?)", i, START);
    run("COMMIT");
}

static int work(const char *mode, const char *stop)
{
    int n, from, to;

    make(mode);
    for (n = 0; access(stop, F_OK); n++) {
        from = n * 7 % ACCOUNTS;
        to = (n * 13 + 1) % ACCOUNTS;
        run("BEGIN IMMEDIATE");
        run_with("UPDATE account SET has = has - ?2 WHERE id = ?1", from, 5);
        run_with("UPDATE account SET has = has + ?2 WHERE id = ?1", to, 5);
        run_with("INSERT INTO transfer (source, target, padding)"
                 " VALUES (?, ?, randomblob(1500))", from, to);
        run("COMMIT");
    }
    printf("done %d\n", n);
    return 0;
}

static int check(int count)
{
    char answer[64];
    int all;

    ask("PRAGMA integrity_check", answer);
    if (strcmp(answer, "ok"))
        return printf("unsound: %s\n", answer), 1;
    ask("SELECT sum(has) FROM account", answer);
    if (atoi(answer) != ACCOUNTS * START)
        return printf("the accounts have %s\n", answer), 1;
    ask("SELECT count(*) FROM transfer", answer);
    all = atoi(answer);
    printf("sound, %d transfers\n", all);
    return all != count;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: xk-db FILE delete|wal STOPFILE\n"
                        "       xk-db FILE check COUNT\n");
        return 2;
    }
    if (sqlite3_open(argv[1], &db) != SQLITE_OK)
        die(argv[1]);
    sqlite3_busy_timeout(db, 60000);
    if (!strcmp(argv[2], "check"))
        return check(atoi(argv[3]));
    return work(argv[2], argv[3]);
}
