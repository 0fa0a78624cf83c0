/** How this browser shows things. */
import { Field, Section, Segments } from "../kit";
import { loadWords, useWords } from "../lib/i18n";
import { useSettings } from "../lib/settings";

export function SettingsPage() {
  const t = useWords();
  const { theme, language, tile, set } = useSettings();
  return (
    <main className="h-full overflow-auto">
      <div className="mx-auto max-w-2xl px-4 py-4">
        <h1 className="mb-3 text-20 font-strong">{t("settings")}</h1>
        <Section title={t("appearance")}>
          <div className="flex flex-col items-start gap-4 py-2">
            <Field label={t("theme")}>
              {() => (
                <Segments
                  name={t("theme")}
                  value={theme}
                  onChange={(next) => set({ theme: next })}
                  options={[
                    { value: "dark", label: t("dark") },
                    { value: "light", label: t("light") },
                  ]}
                />
              )}
            </Field>
            <Field label={t("language")}>
              {() => (
                <Segments
                  name={t("language")}
                  value={language}
                  onChange={(next) => void loadWords(next).then(() => set({ language: next }))}
                  options={[
                    { value: "en", label: "English" },
                    { value: "zh", label: "简体中文" },
                  ]}
                />
              )}
            </Field>
            <Field label={t("tileSize")}>
              {(id) => (
                <input
                  id={id}
                  type="range"
                  min={56}
                  max={480}
                  value={tile}
                  className="accent-accent"
                  onChange={(e) => set({ tile: Number(e.target.value) })}
                />
              )}
            </Field>
          </div>
        </Section>
      </div>
    </main>
  );
}
