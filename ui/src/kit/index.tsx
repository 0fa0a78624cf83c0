/** The styled parts that pages are made of: dense, calm, one look. Behaviour and access come from Base UI and native elements. */
import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { Menu as BaseMenu } from "@base-ui/react/menu";
import clsx from "clsx";
import { X } from "lucide-react";
import { type ComponentProps, type ReactNode, useEffect, useId, useState } from "react";
import { ApiError } from "../api/client";
import { useWords } from "../lib/i18n";

type Tone = "plain" | "accent" | "quiet" | "bad";

const TONES: Record<Tone, string> = {
  plain: "border border-line-2 bg-bg-2 hover:bg-bg-3 text-ink",
  accent: "border border-transparent bg-accent text-accent-ink hover:brightness-110",
  quiet: "border border-transparent text-ink-2 hover:bg-bg-2 hover:text-ink",
  bad: "border border-line-2 text-bad hover:bg-bg-2",
};

export function buttonClass(tone: Tone = "plain", className?: string): string {
  return clsx(
    "inline-flex h-7 shrink-0 items-center justify-center gap-1.5 rounded px-2.5 text-13 whitespace-nowrap select-none disabled:opacity-45",
    TONES[tone],
    className,
  );
}

export function Button({
  tone = "plain",
  className,
  type = "button",
  ...rest
}: ComponentProps<"button"> & { tone?: Tone }) {
  return <button type={type} className={buttonClass(tone, className)} {...rest} />;
}

/** A square button with an icon; its name is said and shown on hover, with its key. */
export function IconButton({
  name,
  keys,
  pressed,
  className,
  ...rest
}: Omit<ComponentProps<"button">, "name"> & { name: string; keys?: string; pressed?: boolean }) {
  return (
    <button
      type="button"
      aria-label={name}
      aria-pressed={pressed}
      title={keys ? `${name} (${keys})` : name}
      className={clsx(
        "inline-flex size-7 shrink-0 items-center justify-center rounded disabled:opacity-40",
        pressed ? "bg-accent-soft text-accent" : "text-ink-2 hover:bg-bg-2 hover:text-ink",
        className,
      )}
      {...rest}
    />
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return (
    <input
      className={clsx(
        "h-7 min-w-0 rounded border border-line-2 bg-bg px-2 text-13 text-ink placeholder:text-ink-3 disabled:opacity-45",
        className,
      )}
      {...rest}
    />
  );
}

export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <select
      className={clsx("h-7 min-w-0 rounded border border-line-2 bg-bg-2 px-1.5 text-13 text-ink", className)}
      {...rest}
    >
      {children}
    </select>
  );
}

export function Check({ label, className, ...rest }: ComponentProps<"input"> & { label: ReactNode }) {
  return (
    <label className={clsx("flex min-w-0 items-center gap-2", className)}>
      <input type="checkbox" className="size-3.5 shrink-0 accent-accent" {...rest} />
      <span className="min-w-0 truncate">{label}</span>
    </label>
  );
}

export function Field({
  label,
  children,
  hint,
}: {
  label: string;
  children: (id: string) => ReactNode;
  hint?: string;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-11 font-strong text-ink-2">
        {label}
      </label>
      {children(id)}
      {hint && <span className="text-12 text-ink-3">{hint}</span>}
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="rounded border border-line-2 bg-bg-1 px-1 font-sans text-11 leading-4 text-ink-2 inline-block min-w-4 text-center">
      {children}
    </kbd>
  );
}

export function Badge({
  tone = "plain",
  children,
}: {
  tone?: "plain" | "good" | "warn" | "bad" | "odd" | "accent";
  children: ReactNode;
}) {
  const tones = {
    plain: "text-ink-2",
    good: "text-good",
    warn: "text-warn",
    bad: "text-bad",
    odd: "text-odd",
    accent: "text-accent",
  };
  return (
    <span
      className={clsx(
        "inline-flex items-center rounded border border-line-2 px-1.5 text-11 whitespace-nowrap",
        tones[tone],
      )}
    >
      {children}
    </span>
  );
}

/** A titled part of a page: a line, not a box. */
export function Section({
  title,
  side,
  children,
  className,
}: {
  title: string;
  side?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={className}>
      <header className="flex h-8 items-center justify-between gap-2 border-b border-line">
        <h2 className="text-12 font-strong text-ink">{title}</h2>
        {side}
      </header>
      <div className="py-2">{children}</div>
    </section>
  );
}

/** One sentence, one action, and the command that does the same. */
export function Empty({ children, action, command }: { children: ReactNode; action?: ReactNode; command?: string }) {
  return (
    <div className="flex flex-col items-start gap-3 p-6 text-ink-2">
      <p className="max-w-prose">{children}</p>
      {action}
      {command && <code className="rounded bg-bg-1 px-2 py-1 font-mono text-12 text-ink-2 select-all">{command}</code>}
    </div>
  );
}

/** What went wrong, with its code, hint and a way to copy all of it. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useWords();
  const known = error instanceof ApiError ? error : undefined;
  const message = known?.message ?? (error instanceof Error ? error.message : String(error));
  const details = known
    ? JSON.stringify({ code: known.code, message, hint: known.hint, request: known.request })
    : message;
  return (
    <div role="alert" className="flex flex-col items-start gap-2 border-s-2 border-bad p-4">
      <p className="font-strong text-ink">{message}</p>
      {known?.hint && <p className="text-ink-2">{known.hint}</p>}
      <p className="font-mono text-12 text-ink-3">{known?.code}</p>
      <div className="flex gap-2">
        {retry && <Button onClick={retry}>{t("retry")}</Button>}
        <Button tone="quiet" onClick={() => navigator.clipboard?.writeText(details)}>
          {t("copyDetails")}
        </Button>
      </div>
    </div>
  );
}

/** Grey lines while something loads, only once it has taken 200 ms. */
export function Skeleton({ lines = 4 }: { lines?: number }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 200);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div className="flex flex-col gap-2 p-4" aria-busy="true">
      {Array.from({ length: lines }, (_, i) => (
        <div key={`line-${i + 1}`} className="h-3 rounded bg-bg-2" style={{ width: `${90 - ((i * 23) % 50)}%` }} />
      ))}
    </div>
  );
}

export function Dialog({
  title,
  open,
  onClose,
  children,
  wide,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const t = useWords();
  return (
    <BaseDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <BaseDialog.Popup
          className={clsx(
            "fixed top-[12vh] left-1/2 z-50 flex max-h-[76vh] -translate-x-1/2 flex-col rounded-md border border-line-2 bg-bg-1 shadow-(--shadow)",
            wide ? "w-[min(760px,94vw)]" : "w-[min(440px,94vw)]",
          )}
        >
          <div className="flex h-10 shrink-0 items-center justify-between border-b border-line px-3">
            <BaseDialog.Title className="font-strong">{title}</BaseDialog.Title>
            <BaseDialog.Close render={<IconButton name={t("close")} keys="Esc" />}>
              <X size={16} strokeWidth={1.75} />
            </BaseDialog.Close>
          </div>
          <div className="min-h-0 overflow-auto p-3">{children}</div>
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

export interface MenuItem {
  label: ReactNode;
  onSelect(): void;
  keys?: string;
  checked?: boolean;
  disabled?: boolean;
  separated?: boolean;
}

export function Menu({ trigger, items, name }: { trigger: ReactNode; items: MenuItem[]; name: string }) {
  return (
    <BaseMenu.Root modal={false}>
      <BaseMenu.Trigger title={name} className={buttonClass("quiet", "px-1.5")}>
        {trigger}
      </BaseMenu.Trigger>
      <BaseMenu.Portal>
        <BaseMenu.Positioner sideOffset={4} align="start" className="z-50">
          <BaseMenu.Popup className="max-h-[70vh] min-w-44 overflow-auto rounded-md border border-line-2 bg-bg-1 py-1 shadow-(--shadow) outline-none">
            {items.map((item, i) => (
              <BaseMenu.Item
                key={i}
                disabled={item.disabled}
                onClick={item.onSelect}
                className={clsx(
                  "flex h-7 items-center justify-between gap-6 px-3 outline-none data-disabled:opacity-45 data-highlighted:bg-bg-3",
                  item.separated && "mt-1 border-t border-line",
                  item.checked && "text-accent",
                )}
              >
                <span className="truncate">{item.label}</span>
                {item.keys && <Kbd>{item.keys}</Kbd>}
              </BaseMenu.Item>
            ))}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

/** A row of choices of which one is on. */
export function Segments<T extends string>({
  name,
  value,
  onChange,
  options,
}: {
  name: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly { value: T; label: ReactNode; title?: string }[];
}) {
  return (
    <fieldset className="flex h-7 overflow-hidden rounded border border-line-2" aria-label={name}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          title={option.title}
          aria-label={option.title}
          aria-pressed={value === option.value}
          onClick={() => onChange(option.value)}
          className={clsx(
            "flex items-center gap-1 px-2 text-12",
            value === option.value ? "bg-bg-3 text-ink" : "text-ink-2 hover:bg-bg-2",
          )}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

/** Names with counts as bars from zero; a click filters. */
export function Bars({
  rows,
  color,
  onPick,
  picked,
}: {
  rows: readonly { name: string; count: number; of?: number }[];
  color?: (name: string) => string;
  onPick?: (name: string, event: React.MouseEvent) => void;
  picked?: (name: string) => boolean;
}) {
  const most = Math.max(1, ...rows.map((row) => row.of ?? row.count));
  return (
    <ul className="flex flex-col">
      {rows.map((row) => {
        const inner = (
          <>
            <span className="flex w-full items-baseline gap-2">
              <span
                className={clsx("min-w-0 flex-1 truncate text-start", picked?.(row.name) ? "text-accent" : "text-ink")}
                dir="auto"
              >
                {row.name}
              </span>
              <span className="text-ink-2">{row.count.toLocaleString()}</span>
            </span>
            <span className="relative h-0.75 w-full overflow-hidden rounded-full bg-bg-3">
              {row.of !== undefined && (
                <span
                  className="absolute inset-y-0 start-0 opacity-35"
                  style={{ width: `${(row.of / most) * 100}%`, background: color?.(row.name) ?? "var(--ink-3)" }}
                />
              )}
              <span
                className="absolute inset-y-0 start-0"
                style={{ width: `${(row.count / most) * 100}%`, background: color?.(row.name) ?? "var(--ink-2)" }}
              />
            </span>
          </>
        );
        const shape = "flex w-full flex-col gap-0.5 rounded-sm px-1 py-0.75 text-12";
        return (
          <li key={row.name}>
            {onPick ? (
              <button
                type="button"
                aria-pressed={picked?.(row.name)}
                title={row.name}
                className={clsx(shape, "hover:bg-bg-2")}
                onClick={(e) => onPick(row.name, e)}
              >
                {inner}
              </button>
            ) : (
              <div className={shape} title={row.name}>
                {inner}
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** An id of which the first 12 characters are shown; a click copies all. */
export function Id({ value }: { value: string }) {
  const t = useWords();
  return (
    <button
      type="button"
      title={`${value} — ${t("copy")}`}
      className="font-mono text-12 text-ink-2 hover:text-ink"
      onClick={() => navigator.clipboard?.writeText(value)}
    >
      {value.slice(0, 12)}
    </button>
  );
}
