import { send } from "~/api/client";
import { toast } from "~/ui/toast";

/** Saves what the server gives as a file; an error is told here, and does not become the file. */
export function useSaving(setBusy: (busy: boolean) => void) {
  return (path: string, name: string) => {
    setBusy(true);
    send("GET", path)
      .then((answer) => answer.blob())
      .then(
        (blob) => {
          const link = document.createElement("a");
          link.href = URL.createObjectURL(blob);
          link.download = name;
          link.click();
          URL.revokeObjectURL(link.href);
        },
        (error: Error) => toast(error.message, "bad"),
      )
      .finally(() => setBusy(false));
  };
}
