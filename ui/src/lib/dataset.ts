/** Names of datasets in addresses: `org/name` is two parts, a name without an organisation has `~` for it. */
export interface DatasetParams {
  org: string;
  name: string;
}

export function paramsOf(dataset: string): DatasetParams {
  const slash = dataset.indexOf("/");
  return slash < 0 ? { org: "~", name: dataset } : { org: dataset.slice(0, slash), name: dataset.slice(slash + 1) };
}

export function nameOf({ org, name }: DatasetParams): string {
  return org === "~" ? name : `${org}/${name}`;
}
