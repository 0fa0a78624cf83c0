/** What is edited and not committed: how much, whether it is kept, and the ways on. */
import { useState } from "react";
import { toast } from "sonner";
import type { Draft } from "../../api/draft";
import { Button, Dialog, Failure, Field, Input } from "../../kit";
import { useWords } from "../../lib/i18n";

export function DraftBar({ draft }: { draft: Draft }) {
  const t = useWords();
  const [open, setOpen] = useState(false);
  const [message, setMessage] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  if (draft.paths.length === 0) return null;
  const commit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const done = await draft.commit(message);
      setOpen(false);
      setMessage("");
      toast(`${t("commit")} ${done.commit.slice(0, 12)}`);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div role="status" className="-mx-3 flex flex-col gap-2 border-b border-line bg-accent-soft px-3 py-2">
      <span className="text-12">
        {t("draft")}: {draft.paths.length} {t("samples").toLowerCase()} ·{" "}
        {draft.isKept ? t("draftSaved") : t("draftSaving")}
      </span>
      <div className="flex gap-2">
        <Button tone="accent" onClick={() => setOpen(true)}>
          {t("commitDraft")}
        </Button>
        <Button tone="quiet" onClick={draft.discard}>
          {t("discardDraft")}
        </Button>
      </div>
      <Dialog title={t("commit")} open={open} onClose={() => setOpen(false)}>
        <form
          className="flex flex-col gap-3"
          onSubmit={(e) => {
            e.preventDefault();
            void commit();
          }}
        >
          <Field label={t("message")}>
            {(id) => <Input id={id} required value={message} onChange={(e) => setMessage(e.target.value)} />}
          </Field>
          {error !== undefined && <Failure error={error} />}
          <Button tone="accent" type="submit" disabled={busy || message.trim() === ""}>
            {t("commit")}
          </Button>
        </form>
      </Dialog>
    </div>
  );
}
