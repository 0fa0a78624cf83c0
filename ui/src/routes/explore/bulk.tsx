/** Edits of the labels of all selected samples at once, into the draft. */
import { useState } from "react";
import { toast } from "sonner";
import { api } from "../../api/client";
import { useDraft } from "../../api/draft";
import { useStats } from "../../api/hooks";
import { BLOCK } from "../../grid/layout";
import { count, type Ranges } from "../../grid/ranges";
import { Button, Dialog, Failure, Field, Input, Select } from "../../kit";
import { grouped } from "../../lib/format";
import { useWords } from "../../lib/i18n";
import type { Doc } from "../../stage/doc";
import { apply, commands, type Patch } from "../../stage/history";

interface Props {
  name: string;
  gitRef: string;
  filter: string;
  selection: Ranges;
  commit: string;
}

/** Samples that are edited at once at most; the edits wait in this browser until they are committed. */
const MOST = 20_000;

export function BulkEdit({ name, gitRef, filter, selection, commit }: Props) {
  const t = useWords();
  const stats = useStats(name, gitRef).data;
  const draft = useDraft(name, gitRef, commit);
  const [open, setOpen] = useState(false);
  const [layer, setLayer] = useState("truth");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [done, setDone] = useState<number>();
  const [error, setError] = useState<unknown>();
  const classes = Object.keys(stats?.layers[layer]?.classes ?? {});
  const selected = count(selection);

  /** Calls `edit` for every selected sample, with its document as the draft has it. */
  const each = async (edit: (doc: Doc) => Patch) => {
    setError(undefined);
    let labels = 0;
    let seen = 0;
    try {
      for (const [begin, end] of selection) {
        for (let at = begin; at < end; at += BLOCK) {
          const { rows } = await api.rows(name, commit, filter, at, Math.min(BLOCK, end - at));
          for (const sample of rows) {
            const patch = edit(apply(sample.layers ?? {}, draft.patchOf(sample.path)));
            if (patch.length > 0) draft.record(sample.path, patch);
            labels += patch.length;
          }
          seen += rows.length;
          setDone(seen / selected);
        }
      }
      toast(`${grouped(labels)} ${t("labels").toLowerCase()} · ${t("draftSaved")}`);
      setOpen(false);
    } catch (failure) {
      setError(failure);
    } finally {
      setDone(undefined);
    }
  };
  const chosen = (doc: Doc) => (doc[layer] ?? []).filter((l) => from === "" || l.class === from).map((l) => l.id);

  return (
    <>
      <button type="button" className="text-accent hover:underline" onClick={() => setOpen(true)}>
        {t("bulkEdit")}…
      </button>
      <Dialog
        title={`${t("bulkEdit")} · ${grouped(selected)} ${t("samples").toLowerCase()}`}
        open={open}
        onClose={() => setOpen(false)}
      >
        <div className="flex flex-col gap-3">
          <Field label={t("layers")}>
            {(id) => (
              <Select id={id} value={layer} onChange={(e) => setLayer(e.target.value)}>
                {[...new Set(["truth", ...Object.keys(stats?.layers ?? {})])].map((l) => (
                  <option key={l}>{l}</option>
                ))}
              </Select>
            )}
          </Field>
          <Field label={`${t("labels")} · ${t("class")}`}>
            {(id) => (
              <Select id={id} value={from} onChange={(e) => setFrom(e.target.value)}>
                <option value="">{t("all")}</option>
                {classes.map((c) => (
                  <option key={c}>{c}</option>
                ))}
              </Select>
            )}
          </Field>
          <Field label={t("setClass")}>
            {(id) => (
              <>
                <Input id={id} list={`${id}-classes`} value={to} onChange={(e) => setTo(e.target.value)} />
                <datalist id={`${id}-classes`}>
                  {classes.map((c) => (
                    <option key={c} value={c} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          {error !== undefined && <Failure error={error} />}
          {selected > MOST && (
            <p className="text-warn">
              {grouped(MOST)} / {grouped(selected)}
            </p>
          )}
          <div className="flex gap-2">
            <Button
              tone="accent"
              disabled={to.trim() === "" || selected > MOST || done !== undefined}
              onClick={() => void each((doc) => commands.classify(doc, layer, chosen(doc), to.trim()))}
            >
              {t("apply")} {done !== undefined && `${Math.round(done * 100)} %`}
            </Button>
            <Button
              tone="bad"
              disabled={selected > MOST || done !== undefined}
              onClick={() => void each((doc) => commands.remove(doc, layer, chosen(doc)))}
            >
              {t("delete")}: {t("labels").toLowerCase()}
            </Button>
          </div>
        </div>
      </Dialog>
    </>
  );
}
