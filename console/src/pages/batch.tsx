import { BatchDetail } from "~/batch/detail";
import { BatchList } from "~/batch/list";
import { NewBatch } from "~/batch/new-batch";
import { useUrl } from "~/ui/pages";

/** All batches, or the one that `id` in the URL names; `new` opens the dialog, with a file where it names one. */
export default function BatchPage() {
  const [url, setUrl] = useUrl();
  const wanted = url["new"];
  if (url["id"]) return <BatchDetail key={url["id"]} id={url["id"]} />;
  return (
    <>
      <BatchList onNew={() => setUrl({ new: "1" })} />
      {wanted && <NewBatch from={wanted.startsWith("file-") ? wanted : null} onClose={() => setUrl({ new: undefined })} />}
    </>
  );
}
