/** A small store in the browser that survives closed tabs: one value by key, in IndexedDB. */
let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("tamis", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function run<R>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<R>): Promise<R> {
  const db = await database();
  return new Promise((resolve, reject) => {
    const request = what(db.transaction("kept", mode).objectStore("kept"));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export const keep = {
  get: <V>(key: string) => run("readonly", (store) => store.get(key) as IDBRequest<V | undefined>),
  put: (key: string, value: unknown) => run("readwrite", (store) => store.put(value, key)),
  drop: (key: string) => run("readwrite", (store) => store.delete(key)),
};
