/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control protocol: how commands talk to the daemons. This header is its
 * specification.
 *
 * A daemon listens on XK_CONTROL_DIR/<daemon>.sock, a stream socket. Both
 * sides send JSON-RPC 2.0 objects, one a line, at most XK_CONTROL_LINE bytes
 * with the newline. Only peers with uid 0 are served. Closing the connection
 * stops the work that was asked for on it; what is done stays done.
 *
 *   --> {"jsonrpc":"2.0","id":1,"method":"sweep","params":{"domain":"web"}}
 *   <-- {"jsonrpc":"2.0","method":"progress","params":{"id":1,
 *        "phase":"scan","done":1024,"total":131072}}          (any number)
 *   <-- {"jsonrpc":"2.0","id":1,"result":{...}}   or, when it failed,
 *   <-- {"jsonrpc":"2.0","id":1,"error":{"code":-32001,
 *        "message":"one clear line"}}
 *
 * Domains are named by name or by decimal id. Sizes are KiB in fields that
 * end in _kib; counts of 4 KiB pages end in _pages; "super" counts 2 MiB
 * ranges, "regular" single 4 KiB pages.
 *
 * Methods of memoryd
 *   version {}           -> {"name":"xenkeep-memoryd","version":S}
 *   memory {"domain"?}   -> {"host":{"total_kib","free_kib"},"domains":[DOM]}
 *       DOM: {"domid","name","type":"pv|pvh|hvm","size_kib","target_kib",
 *       "max_kib","pod_entries_kib","pod_cache_kib","overcommitted_kib",
 *       "swept_kib","ballooned_kib","limit_kib","frontend":"absent|connecting|
 *       connected|broken","busy":bool,"note":S}
 *       swept_kib: committed since memoryd knows the domain; note: why
 *       something is not offered, "" if all is.
 *   map {"domain"}
 *       looks at each range of 2 MiB of a guest's RAM, without populating or
 *       changing anything and without a pause, and tells what is known of how
 *       Xen maps it. Progress phase: "look" (pages).
 *       -> {"domid","name","origin":"built|restored|unknown","size_kib",
 *       "pod_entries_kib","pod_cache_kib","ranges","cell_ranges",
 *       "totals":{"unknown_kib","intact_kib","shattered_kib","pod_kib",
 *       "ballooned_kib","hole_kib"},"runs":[RUN,...]}
 *       Xen does not tell a mapping of 2 MiB from 512 of 4 KiB: what nobody
 *       has seen is "unknown". origin: "built" and "restored" when memoryd
 *       saw the guest before it ran here. The states, by number:
 *       0 unknown     RAM or entries, nobody has seen how it is mapped
 *       1 intact      RAM as it was built, by mappings of 2 MiB or more
 *       2 shattered   RAM in mappings of 4 KiB, part of it may be missing
 *       3 pod         populate-on-demand when last seen; the guest fills such
 *                     ranges unseen, pod_entries_kib is Xen's own count
 *       4 ballooned   RAM by the guest's layout, nothing is there
 *       5 hole        no RAM by the guest's layout
 *       RUN: [CELL,count], so many cells alike, from gfn 0 on. A cell is
 *       cell_ranges ranges, a power of two (1 unless the line would be too
 *       long; the last cell may have less). CELL: the state of all of it, or
 *       [n0,n1,n2,n3,n4,n5], how many of its ranges are in each state. The
 *       counts add up to ranges / cell_ranges, rounded up.
 *   sweep {"domain","target_kib"?,"dry_run"?}
 *       sweeps zero memory; with a target, first inflates (or deflates) the
 *       balloon to it. With dry_run nothing is changed: what was found is
 *       counted. Progress phases: "inflate", "deflate", "scan" (pages),
 *       "commit" (superpages).
 *       -> {"domid","name","dry_run","scanned_pages","zero_super",
 *       "zero_regular","committed_super","committed_regular",
 *       "skipped":{REASON:count of ranges,...},
 *       "pauses":{"count","longest_us","total_us","over_budget"},
 *       "before":STATE,"after":STATE,"returned_kib",
 *       "balloon":{"asked_kib","moved_kib","super_kib","duration_us"}|null,
 *       "duration_us"}
 *       STATE: {"size_kib","overcommitted_kib","pod_entries_kib",
 *       "pod_cache_kib","ballooned_kib","host_free_kib"}
 *       overcommitted_kib: of the guest's memory, what the host has while the
 *       guest could still touch it; not part of size_kib
 *       returned_kib: by how much the domain's size fell (negative: rose)
 *   resume {"domain"}    -> {"domid","name","lent_kib"}
 *       of a guest that the guard stopped: lends it what it needs to go on,
 *       also where the policy does not, and lets it run
 *   drain {"domain","end"?} -> {"domid","name","drained":bool,"filled_kib"}
 *       fills all populate-on-demand entries of the guest, which has none and
 *       no cache then; memoryd makes no new ones, and refuses all work on its
 *       memory, until it is called with end. Also after memoryd has been
 *       started anew. Progress phase: "drain" (pages).
 *   recoalesce {"domain","background"?}
 *       has the guest make its shattered 2 MiB ranges whole again, while it
 *       runs. With background the answer comes at once, with no range done
 *       yet, and the work goes on; its end is in the log. Progress phase:
 *       "recover" (pages).
 *       -> {"domid","name","ranges","recovered","busy","pinned","refused",
 *       "skipped","duration_us"}
 *       ranges: of RAM; recovered: one piece now; busy: in use, the guest
 *       could not move what is in it; pinned: it holds memory of the guest's
 *       kernel, which is never moved; refused: the host had no 2 MiB in one
 *       piece; skipped: whole already, or not RAM alone. The five add up to
 *       ranges.
 *   plan {"domain"?}     what the balancer would do now; changes nothing, and
 *       is also there when the balancer is off
 *       -> {BAL,"domains":[{"domid","name","size_kib","target_kib","reason",
 *       "word_age_ms":ms|null,"available_kib","wanted_kib",
 *       "stall_permille","overcommitted_kib"}]}
 *       BAL: "balancer":bool (it runs),"note":S (why it cannot, or ""),
 *       "interval_ms","host_free_kib","host_reserve_kib"
 *       target_kib: size_kib when the guest is to stay. reason: a word that
 *       xl-memory(1) explains. word_age_ms to stall_permille are the guest's
 *       own word.
 *   policy {"domain"?}   what holds for each guest
 *       -> {BAL,"domains":[{"domid","name","size_kib","min_kib","min_from",
 *       "max_kib","max_from","weight","weight_from","pace_kib",
 *       "pace_from","overcommit_kib"}]}
 *       pace_kib: a second; the _from: "configuration", "default", "maximum"
 *       (the guest's own), "guest" (its floor), "balloon" (holds no more)
 *       overcommit_kib: how much overcommitted_kib may come to; 0: none
 *   metrics {}           -> {"text":S}  OpenMetrics text
 *
 * Methods of crashd
 *   version {}           -> {"name":"xenkeep-crashd","version":S}
 *   list {"guest"?,"before"?}
 *       -> {"more":bool,"dumps":[BRIEF,...]}
 *       the newest first, only those with an id below `before`; more: ask
 *       again with the last id. BRIEF: fields of a record (crashd's
 *       record.h): "id","time","guest","domid","reason","outcome","why",
 *       "live","kernel","bytes","memory_bytes"
 *   show {"id"}          -> the whole record, and "folder":S, where its files
 *       are. An id may be its beginning or its last four digits, if that is
 *       unambiguous.
 *   dump {"domain","live"?}  -> the record of the dump that was made. Progress
 *       phase: "dump" (pages). A guest that runs is dumped only with live.
 *   delete {"id"}        -> {"id"}
 *   keys {}              reads the certificates anew
 *       -> {"folder":S,"host":HEX,"recipients":[{"audience","name","subject",
 *       "fingerprint","not_after","used":bool,"why"}]}
 *   metrics {}           -> {"text":S}  OpenMetrics text
 */
#ifndef XENKEEP_CONTROL_H
#define XENKEEP_CONTROL_H

#define XK_CONTROL_DIR "/run/xenkeep"
#define XK_CONTROL_LINE 65536

/* Error codes. The command's exit code follows from the code. */
#define XK_RPC_PARSE     (-32700) /* not JSON */
#define XK_RPC_INVALID   (-32600) /* not a request */
#define XK_RPC_METHOD    (-32601) /* no such method */
#define XK_RPC_PARAMS    (-32602) /* exit 2: the request cannot be meant */
#define XK_RPC_REFUSED   (-32001) /* exit 1: not now, or not for this guest */
#define XK_RPC_FAILED    (-32002) /* exit 1: tried and failed */

#endif /* XENKEEP_CONTROL_H */
