/** The names of what the server says, out of its own document (schema.d.ts is generated from it: `make console-types`). */
import type { components } from "~/api/schema";

type Schemas = components["schemas"];

export type FirstSteps = Schemas["FirstSteps"];
export type Account = Schemas["AccountShown"];
export type AccountListed = Schemas["AccountListed"];
export type Act = Schemas["ActShown"];
export type Batch = Schemas["BatchObject"];
export type BatchListed = Schemas["BatchListed"];
export type BatchLine = Schemas["LineShown"];
export type BatchLinePlace = Schemas["LinePlace"];
export type Failures = Schemas["FailureList"];
export type FileListed = Schemas["FileListed"];
export type Invitation = Schemas["InvitationShown"];
export type FigureNow = Schemas["FigureShown"];
export type KeyActivity = Schemas["ActivityList"];
export type LimitsNow = Schemas["LimitsShown"];
export type Key = Schemas["KeyShown"];
export type Live = Schemas["LiveShown"];
export type MadeRequest = Schemas["RequestShown"];
export type RequestLive = Schemas["RequestLive"];
export type Model = Schemas["ModelShown"];
export type Plan = Schemas["PlanShown"];
export type Server = Schemas["ServerShown"];
export type Machine = Schemas["MachineShown"];
export type Worker = Schemas["WorkerShown"];
export type Session = Schemas["SessionShown"];
export type Snippet = Schemas["SnippetShown"];
export type Snippets = Schemas["SnippetList"];
export type SetupState = Schemas["SetupShown"];
export type StoredFile = Schemas["FileObject"];
export type SignedIn = Schemas["SignedInShown"];
export type Setting = Schemas["SettingShown"];
export type UsageDetails = Schemas["UsageDetails"];
export type UsagePage = Schemas["SeenPage"];
export type UsageResult = Schemas["SeenResult"];

/** Every list looks like this. */
export interface List<Row> {
  data: Row[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}
