import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, Offline } from "~/api/client";
import type { StoredFile } from "~/api/types";

export interface Sending {
  file: File;
  /** Bytes that are out. */
  sent: number;
  error?: Error;
}

/** Sends one file; XMLHttpRequest, because fetch does not tell how far an upload is. */
function send(file: File, onSent: (sent: number) => void): { done: Promise<StoredFile>; cancel: () => void } {
  const request = new XMLHttpRequest();
  const done = new Promise<StoredFile>((resolve, reject) => {
    const form = new FormData();
    form.append("purpose", "batch");
    form.append("file", file, file.name);
    request.open("POST", "/api/files");
    request.responseType = "text";
    request.upload.onprogress = ({ loaded, total }) => onSent(Math.min(file.size, Math.round((file.size * loaded) / Math.max(1, total))));
    request.onload = () => (request.status === 200 ? resolve(JSON.parse(request.responseText) as StoredFile) : reject(refused(request)));
    request.onerror = () => reject(new Offline());
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}

function refused(request: XMLHttpRequest): ApiError {
  const headers = new Headers();
  for (const name of ["x-request-id", "retry-after"]) {
    const value = request.getResponseHeader(name);
    if (value) headers.set(name, value);
  }
  try {
    const said = JSON.parse(request.responseText) as { error?: object };
    return new ApiError(request.status, said.error ?? {}, headers);
  } catch {
    return new ApiError(request.status, {}, headers); // not our own words: a proxy's, perhaps
  }
}

/** One upload at a time, with its progress. It ends with the page that has it. */
export function useUpload(onDone: (file: StoredFile) => void) {
  const client = useQueryClient();
  const [sending, setSending] = useState<Sending | null>(null);
  const cancel = useRef<() => void>(undefined);
  useEffect(() => () => cancel.current?.(), []);
  const start = useCallback(
    (file: File) => {
      setSending({ file, sent: 0 });
      const upload = send(file, (sent) => setSending({ file, sent }));
      cancel.current = upload.cancel;
      upload.done.then(
        (stored) => {
          setSending(null);
          void client.invalidateQueries({ queryKey: ["/api/files"] });
          onDone(stored);
        },
        (error: Error) => setSending(error.name === "AbortError" ? null : { file, sent: 0, error }),
      );
    },
    [client, onDone],
  );
  return { sending, start, cancel: () => cancel.current?.(), dismiss: () => setSending(null) };
}
