// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache. Pages travel in runs: neighbours that are read or written
 * back together, by one request or several when the run is longer than a
 * request can be. The pages of a run are done when the last of its requests
 * is answered.
 *
 * A page of which only a part was written goes back as that part: the bytes
 * beside it may be locked by somebody else, in dom0 or another guest. So there
 * are no large folios, and the part is kept in the page's private value. No
 * part means all of it.
 */
#include "xkfs.h"

#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/writeback.h>

/* Pages of a run, at most: two of the largest requests. */
#define RUN_FOLIOS	(2 * XK_XKFS_IO_MAX / PAGE_SIZE)
/* A piece of the pool smaller than this is not worth a request. */
#define PIECE_LEAST	65536u

struct run {
	struct inode *inode;
	struct xk_file *xf;
	enum xk_xkfs_op op;
	loff_t pos;		/* of the first byte */
	size_t skip;		/* bytes of the first page before it */
	size_t len;		/* bytes */
	atomic_t calls;		/* unanswered, and one of the sender */
	int err;
	unsigned int nr;
	unsigned int room;
	struct folio *folios[];
};

static struct run *run_new(struct inode *inode, struct xk_file *xf,
			   enum xk_xkfs_op op, unsigned int room)
{
	struct run *run;

	run = kvmalloc(struct_size(run, folios, room),
		       GFP_KERNEL | __GFP_NOFAIL);
	run->inode = inode;
	run->xf = xf;
	run->op = op;
	run->pos = 0;
	run->skip = 0;
	run->len = 0;
	atomic_set(&run->calls, 1);
	run->err = 0;
	run->nr = 0;
	run->room = room;
	return run;
}

/* `len` bytes of it, from `from` on: not 0 only in the first. */
static void run_add(struct run *run, struct folio *folio, size_t from,
		    size_t len)
{
	if (!run->nr) {
		run->pos = folio_pos(folio) + from;
		run->skip = from;
	}
	run->folios[run->nr++] = folio;
	run->len += len;
}

/* Copies between the run, from byte `at` on, and a buffer; NULL: zeroes. */
static void run_copy(struct run *run, size_t at, u8 *buf, size_t len,
		     bool to_run)
{
	unsigned int i;
	size_t begin = 0;

	at += run->skip;
	for (i = 0; i < run->nr && len; i++) {
		struct folio *folio = run->folios[i];
		size_t size = folio_size(folio), off, n;

		if (at < begin + size) {
			off = at - begin;
			n = min(len, size - off);
			if (!to_run)
				memcpy(buf, folio_address(folio) + off, n);
			else if (buf)
				memcpy(folio_address(folio) + off, buf, n);
			else
				memset(folio_address(folio) + off, 0, n);
			at += n;
			len -= n;
			if (buf)
				buf += n;
		}
		begin += size;
	}
}

static void run_finish(struct run *run)
{
	struct inode *inode = run->inode;
	int err = READ_ONCE(run->err);
	unsigned int i;

	if (run->op == XK_XKFS_WRITE) {
		xk_inode_wrote(inode);
		if (err)
			mapping_set_error(inode->i_mapping, err);
	}
	/* The pages hold the inode, so its file goes first. */
	xk_file_put(inode, run->xf);
	for (i = 0; i < run->nr; i++) {
		struct folio *folio = run->folios[i];

		if (run->op == XK_XKFS_WRITE) {
			folio_end_writeback(folio);
			continue;
		}
		if (!err)
			folio_mark_uptodate(folio);
		else
			folio_set_error(folio);
		folio_unlock(folio);
	}
	kvfree(run);
}

static void run_put(struct run *run)
{
	if (atomic_dec_and_test(&run->calls))
		run_finish(run);
}

static void run_read_answered(struct xk_call *call)
{
	struct run *run = call->data;
	size_t at = call->req.off - run->pos;
	size_t got = call->rsp.out_len;

	if (call->err) {
		WRITE_ONCE(run->err, call->err);
	} else {
		run_copy(run, at, xk_call_out(call), got, true);
		/* Short: the end of the file. */
		run_copy(run, at + got, NULL, call->req.out_len - got, true);
	}
	xk_call_put(call);
	run_put(run);
}

/* What dom0 did not take is sent as another request. */
static bool run_write_rest(struct xk_call *call)
{
	u64 done = call->rsp.value;

	if (done >= call->req.in_len)
		return false;
	call->req.off += done;
	call->req.in_off += done;
	call->req.in_len -= done;
	call->req.id = 0;
	call->req.flags &= ~XK_XKFS_F_AGAIN;
	call->epoch = 0;
	xk_call_send(call);
	return true;
}

static void run_write_answered(struct xk_call *call)
{
	struct run *run = call->data;
	int err = call->err;

	if (!err && (!call->rsp.value || call->rsp.value > call->req.in_len)) {
		xk_device_broken("the length of a write");
		err = -EIO;
	}
	if (!err && run_write_rest(call))
		return;
	if (err)
		WRITE_ONCE(run->err, err);
	xk_call_put(call);
	run_put(run);
}

/* The next request of a run, from byte `at` on; bytes, or an error. */
static ssize_t run_send_part(struct run *run, size_t at)
{
	struct xk_sb *xsb = XK_SB(run->inode->i_sb);
	struct xk_call *call;
	size_t len;

	call = xk_call_new_data(xsb, run->op, run->len - at, PIECE_LEAST,
				run->op == XK_XKFS_READ ? XK_WAIT_KILLABLE :
				XK_WAIT);
	if (IS_ERR(call))
		return PTR_ERR(call);
	len = min_t(size_t, run->len - at, call->piece.nr * PAGE_SIZE);
	call->req.node = xk_node(run->inode);
	call->req.fh = run->xf->fh;
	call->req.off = run->pos + at;
	call->data = run;
	if (run->op == XK_XKFS_WRITE) {
		call->req.in_len = len;
		run_copy(run, at, xk_call_in(call), len, false);
		call->done = run_write_answered;
	} else {
		call->req.out_len = len;
		call->done = run_read_answered;
	}
	atomic_inc(&run->calls);
	xk_call_send(call);
	return len;
}

/* Takes the run over. */
static void run_send(struct run *run)
{
	ssize_t n = 0;
	size_t at;

	for (at = 0; at < run->len; at += n) {
		n = run_send_part(run, at);
		if (n < 0) {
			WRITE_ONCE(run->err, n);
			break;
		}
	}
	run_put(run);
}

/* The file to read by, with a reference. */
static struct xk_file *data_file(struct inode *inode, struct file *file)
{
	struct xk_file *xf = file ? file->private_data : NULL;
	int err;

	if (xf && (xf->flags & O_ACCMODE) != O_WRONLY) {
		refcount_inc(&xf->refs);
		return xf;
	}
	err = xk_file_open_node(inode, O_RDONLY, &xf, false);
	return err ? ERR_PTR(err) : xf;
}

static void data_readahead(struct readahead_control *rac)
{
	struct inode *inode = rac->mapping->host;
	struct run *run = NULL;
	struct folio *folio;
	struct xk_file *xf;

	if (xk_inode_usable(inode))
		return;
	xf = data_file(inode, rac->file);
	if (IS_ERR(xf))
		return;
	while ((folio = readahead_folio(rac))) {
		if (!run) {
			refcount_inc(&xf->refs);
			run = run_new(inode, xf, XK_XKFS_READ,
				      min_t(unsigned long, RUN_FOLIOS,
					    readahead_count(rac) + 1));
		}
		run_add(run, folio, 0, folio_size(folio));
		if (run->len >= xk_dev.io_max || run->nr == run->room) {
			run_send(run);
			run = NULL;
		}
	}
	if (run)
		run_send(run);
	xk_file_put(inode, xf);
}

static int data_read_folio(struct file *file, struct folio *folio)
{
	struct inode *inode = folio_inode(folio);
	struct xk_file *xf;
	struct run *run;
	int err;

	err = xk_inode_usable(inode);
	xf = err ? ERR_PTR(err) : data_file(inode, file);
	if (IS_ERR(xf)) {
		folio_unlock(folio);
		return PTR_ERR(xf);
	}
	run = run_new(inode, xf, XK_XKFS_READ, 1);
	run_add(run, folio, 0, folio_size(folio));
	run_send(run);
	return 0;
}

/* One request after the other, until all is read; what is missing is zero. */
static int data_read_sync(struct inode *inode, struct file *file, loff_t pos,
			  u8 *buf, size_t len)
{
	struct xk_file *xf = data_file(inode, file);
	struct xk_call *call;
	size_t want, got;
	int err = 0;

	if (IS_ERR(xf))
		return PTR_ERR(xf);
	while (len && !err) {
		call = xk_call_new_data(XK_SB(inode->i_sb), XK_XKFS_READ, len,
					PAGE_SIZE, XK_WAIT_KILLABLE);
		if (IS_ERR(call)) {
			err = PTR_ERR(call);
			break;
		}
		want = min_t(size_t, len, call->piece.nr * PAGE_SIZE);
		call->req.node = xk_node(inode);
		call->req.fh = xf->fh;
		call->req.off = pos;
		call->req.out_len = want;
		err = xk_call_run(call);
		if (!err) {
			got = call->rsp.out_len;
			memcpy(buf, xk_call_out(call), got);
			memset(buf + got, 0, want - got);
			buf += want;
			pos += want;
			len -= want;
		}
		xk_call_put(call);
	}
	xk_file_put(inode, xf);
	return err;
}

/* ---- the part of a page that was written; the folio is locked ---- */

struct part {
	size_t from;
	size_t to;
};

static struct part part_get(struct folio *folio)
{
	unsigned long v = (unsigned long)folio_get_private(folio);

	if (!v)
		return (struct part){ 0, folio_size(folio) };
	return (struct part){ v & U16_MAX, v >> 16 };
}

static void part_drop(struct folio *folio)
{
	folio_detach_private(folio);
}

static void part_set(struct folio *folio, struct part p)
{
	unsigned long v = p.to << 16 | p.from;

	part_drop(folio);
	if (p.from || p.to < folio_size(folio))
		folio_attach_private(folio, (void *)v);
}

/* Bytes that nobody wrote would lie between the two. */
static bool part_apart(struct folio *folio, size_t from, size_t to)
{
	struct part p = part_get(folio);

	return folio_test_dirty(folio) && (from > p.to || to < p.from);
}

static void part_wrote(struct folio *folio, size_t from, size_t to)
{
	struct part p = { from, to }, old = part_get(folio);

	if (folio_test_dirty(folio))
		p = (struct part){ min(from, old.from), max(to, old.to) };
	part_set(folio, p);
}

/* From the start of the page to the end of the file; 0 or less: cut off. */
static loff_t folio_left(struct folio *folio)
{
	return i_size_read(folio_inode(folio)) - folio_pos(folio);
}

/* Behind the end of the file there is nothing; false: nothing is left. */
static bool part_clip(struct part *p, loff_t left)
{
	if (left < (loff_t)p->to)
		p->to = max_t(loff_t, left, 0);
	return p->from < p->to;
}

/* The page is locked, and goes to dom0 before it is thrown away or changed. */
static int data_launder(struct folio *folio)
{
	struct inode *inode = folio_inode(folio);
	struct part p = part_get(folio);
	struct xk_file *xf;
	struct run *run;

	folio_wait_writeback(folio);
	if (!folio_clear_dirty_for_io(folio))
		return 0;
	part_drop(folio);
	if (!part_clip(&p, folio_left(folio)))
		return 0;
	xf = xk_file_writable(inode);
	if (IS_ERR(xf))
		return PTR_ERR(xf);
	run = run_new(inode, xf, XK_XKFS_WRITE, 1);
	folio_start_writeback(folio);
	run_add(run, folio, p.from, p.to - p.from);
	run_send(run);
	folio_wait_writeback(folio);
	return 0;
}

static bool data_release(struct folio *folio, gfp_t gfp)
{
	if (folio_test_dirty(folio))
		return false;
	part_drop(folio);
	return true;
}

static void data_invalidate(struct folio *folio, size_t offset, size_t len)
{
	if (!offset && len == folio_size(folio))
		part_drop(folio);
}

/* A mapping does not tell what it writes: all of the page. */
vm_fault_t xk_page_mkwrite(struct vm_fault *vmf)
{
	vm_fault_t ret = filemap_page_mkwrite(vmf);

	if (ret & VM_FAULT_LOCKED)
		part_drop(page_folio(vmf->page));
	return ret;
}

static int data_write_begin(struct file *file, struct address_space *mapping,
			    loff_t pos, unsigned int len, struct page **pagep,
			    void **fsdata)
{
	struct inode *inode = mapping->host;
	struct folio *folio;
	size_t off;
	int err = 0;

	folio = __filemap_get_folio(mapping, pos >> PAGE_SHIFT, FGP_LOCK | FGP_WRITE |
				    FGP_CREAT | FGP_STABLE,
				    mapping_gfp_mask(mapping));
	if (!folio)
		return -ENOMEM;
	*pagep = folio_file_page(folio, pos >> PAGE_SHIFT);
	off = offset_in_folio(folio, pos);
	if (part_apart(folio, off, off + len))
		err = data_launder(folio);
	if (err)
		goto out;
	if (folio_test_uptodate(folio))
		return 0;

	if (folio_pos(folio) >= i_size_read(inode) ||
	    (!off && pos + len >= i_size_read(inode))) {
		/* dom0 has nothing of it, or nothing that stays. */
		folio_zero_segments(folio, 0, off, off + len,
				    folio_size(folio));
		return 0;
	}
	if (len == folio_size(folio))
		return 0;
	err = data_read_sync(inode, file, folio_pos(folio),
			     folio_address(folio), folio_size(folio));
	if (!err) {
		folio_mark_uptodate(folio);
		return 0;
	}
out:
	folio_unlock(folio);
	folio_put(folio);
	return err;
}

static int data_write_end(struct file *file, struct address_space *mapping,
			  loff_t pos, unsigned int len, unsigned int copied,
			  struct page *page, void *fsdata)
{
	struct folio *folio = page_folio(page);
	struct inode *inode = mapping->host;
	struct xk_inode *xi = XK_I(inode);

	if (copied < len && !folio_test_uptodate(folio))
		copied = 0;
	if (copied) {
		size_t off = offset_in_folio(folio, pos);

		folio_mark_uptodate(folio);
		part_wrote(folio, off, off + copied);
		folio_mark_dirty(folio);
		if (pos + copied > i_size_read(inode)) {
			spin_lock(&xi->lock);
			i_size_write(inode, pos + copied);
			xi->changed = atomic64_inc_return(&xk_dev.seq);
			spin_unlock(&xi->lock);
		}
	}
	folio_unlock(folio);
	folio_put(folio);
	return copied;
}

/* What a writepages() gathers. */
struct gather {
	struct xk_file *xf;
	struct run *run;
};

static void gather_flush(struct gather *g)
{
	if (g->run)
		run_send(g->run);
	g->run = NULL;
}

static int gather_page(struct page *page, struct writeback_control *wbc,
		       void *data)
{
	struct folio *folio = page_folio(page);
	struct inode *inode = folio_inode(folio);
	struct gather *g = data;
	struct part p = part_get(folio);
	loff_t left = folio_left(folio);

	part_drop(folio);
	if (!part_clip(&p, left)) {
		folio_unlock(folio);	/* cut off meanwhile */
		return 0;
	}
	if (g->run && (g->run->pos + g->run->len != folio_pos(folio) + p.from ||
		       g->run->len + p.to - p.from > xk_dev.io_max ||
		       g->run->nr == g->run->room))
		gather_flush(g);
	if (!g->run) {
		refcount_inc(&g->xf->refs);
		g->run = run_new(inode, g->xf, XK_XKFS_WRITE,
				 clamp_t(unsigned long,
					 inode->i_mapping->nrpages, 1,
					 RUN_FOLIOS));
	}
	/* Nothing written behind the end by a mapping comes to light later. */
	if (left < (loff_t)folio_size(folio))
		folio_zero_segment(folio, left, folio_size(folio));
	folio_start_writeback(folio);
	folio_unlock(folio);
	run_add(g->run, folio, p.from, p.to - p.from);
	return 0;
}

static int data_writepages(struct address_space *mapping,
			   struct writeback_control *wbc)
{
	struct inode *inode = mapping->host;
	struct gather g = {};
	unsigned int nofs;
	int err;

	if (!mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return 0;
	nofs = memalloc_nofs_save();
	g.xf = xk_file_writable(inode);
	if (IS_ERR(g.xf)) {
		err = PTR_ERR(g.xf);
		mapping_set_error(mapping, err);
		goto out;
	}
	err = write_cache_pages(mapping, wbc, gather_page, &g);
	gather_flush(&g);
	xk_file_put(inode, g.xf);
out:
	memalloc_nofs_restore(nofs);
	return err;
}

const struct address_space_operations xk_aops = {
	.read_folio	= data_read_folio,
	.readahead	= data_readahead,
	.writepages	= data_writepages,
	.dirty_folio	= filemap_dirty_folio,
	.write_begin	= data_write_begin,
	.write_end	= data_write_end,
	.launder_folio	= data_launder,
	.release_folio	= data_release,
	.invalidate_folio = data_invalidate,
	.migrate_folio	= filemap_migrate_folio,
	.direct_IO	= noop_direct_IO,
};
