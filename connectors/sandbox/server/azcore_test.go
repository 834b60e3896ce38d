package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/sandbox/faults"
)

// azurePipeline is the Azure SDK's way to Graph, with its retries and its
// cache of tokens.
func (sb *sandbox) azurePipeline() runtime.Pipeline {
	sb.t.Helper()
	ready := sb.Ready()
	credential, err := azidentity.NewClientSecretCredential(ready.TenantID, ready.ClientID, ready.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: sb.azureOptions(), DisableInstanceDiscovery: true})
	if err != nil {
		sb.t.Fatal(err)
	}
	bearer := runtime.NewBearerTokenPolicy(credential, []string{ready.URL + "/.default"}, nil)
	return runtime.NewPipeline("sandbox", "", runtime.PipelineOptions{PerRetry: []policy.Policy{bearer}}, &policy.ClientOptions{
		Transport: sb.client,
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	})
}

// azurePage is a page of a list or of a delta query.
type azurePage struct {
	Value     []struct{ ID string }
	NextLink  string `json:"@odata.nextLink"`
	DeltaLink string `json:"@odata.deltaLink"`
}

// azurePager reads pages from an address on. The SDK escapes the query of a
// link anew: $skiptoken comes back as %24skiptoken.
func azurePager(pipeline runtime.Pipeline, address string) *runtime.Pager[azurePage] {
	return runtime.NewPager(runtime.PagingHandler[azurePage]{
		More: func(page azurePage) bool { return page.NextLink != "" },
		Fetcher: func(ctx context.Context, last *azurePage) (page azurePage, err error) {
			next := ""
			if last != nil {
				next = last.NextLink
			}
			response, err := runtime.FetcherForNextLink(ctx, pipeline, next, func(ctx context.Context) (*policy.Request, error) {
				return runtime.NewRequest(ctx, http.MethodGet, address)
			}, nil)
			if err != nil {
				return page, err
			}
			return page, runtime.UnmarshalAsJSON(response, &page)
		},
	})
}

func TestAzureSDKReadsPages(t *testing.T) {
	sb := startAt(t, time.Now(), Options{}) // the SDK has a clock of its own
	pipeline := sb.azurePipeline()
	for _, tt := range []struct{ path, entity string }{
		{"/v1.0/users?$select=id&$top=100", "user"},
		{"/v1.0/users/delta?$select=id", "user"},
		{"/v1.0/groups/delta?$select=members", "group"},
	} {
		// The second page is refused three times over.
		refusals := []string{faults.Throttle, faults.Unavailable, faults.GatewayTimeout}
		for _, fault := range refusals {
			sb.once(fault, `,"skip":1,"retryAfter":"none"`)
		}
		ids := map[string]bool{}
		var page azurePage
		for pager := azurePager(pipeline, sb.Ready().URL+tt.path); pager.More(); {
			var err error
			if page, err = pager.NextPage(t.Context()); err != nil {
				t.Fatalf("%s: %v", tt.path, err)
			}
			for _, object := range page.Value {
				ids[object.ID] = true
			}
		}
		if isDelta := strings.Contains(tt.path, "/delta"); isDelta != (page.DeltaLink != "") {
			t.Errorf("%s ends with the deltaLink %q", tt.path, page.DeltaLink)
		}
		for _, object := range sb.snapshot(tt.entity) {
			if !ids[object.ID] {
				t.Errorf("%s: %s is missing", tt.path, object.ID)
			}
		}
		given := sb.counts().Faults
		for _, fault := range refusals {
			if given[fault] != 1 {
				t.Errorf("%s: %d times %s, want once", tt.path, given[fault], fault)
			}
		}
		sb.control(http.MethodDelete, "/counters", "")
	}
}

func TestAzureSDKTellsErrors(t *testing.T) {
	sb := startAt(t, time.Now(), Options{})
	pipeline := sb.azurePipeline()
	for _, tt := range []struct {
		path   string
		status int
		code   string
	}{
		{"/v1.0/users/11111111-1111-1111-1111-111111111111", http.StatusNotFound, "Request_ResourceNotFound"},
		{"/v1.0/users?$select=nothing", http.StatusBadRequest, "BadRequest"},
	} {
		_, err := azurePager(pipeline, sb.Ready().URL+tt.path).NextPage(t.Context())
		var failure *azcore.ResponseError
		if !errors.As(err, &failure) || failure.StatusCode != tt.status || failure.ErrorCode != tt.code {
			t.Errorf("%s: got %v, want %d %s", tt.path, err, tt.status, tt.code)
		}
	}
}
