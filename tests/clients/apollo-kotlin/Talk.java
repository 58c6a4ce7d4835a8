import chatterbox.EventsSubscription;
import chatterbox.HomeQuery;
import chatterbox.SendMutation;
import chatterbox.type.MessageTarget;
import chatterbox.type.SendMessageInput;
import com.apollographql.apollo.ApolloCall;
import com.apollographql.apollo.ApolloClient;
import com.apollographql.apollo.api.ApolloResponse;
import com.apollographql.apollo.api.Operation;
import com.apollographql.apollo.network.NetworkTransport;
import com.apollographql.apollo.network.http.HttpNetworkTransport;
import com.apollographql.apollo.network.websocket.GraphQLWsProtocol;
import com.apollographql.apollo.network.websocket.SubscriptionWsProtocol;
import com.apollographql.apollo.network.websocket.WebSocketNetworkTransport;
import com.apollographql.apollo.network.websocket.WsProtocol;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kotlin.coroutines.Continuation;
import kotlin.jvm.functions.Function1;
import kotlinx.coroutines.jdk9.ReactiveFlowKt;

/** Ada writes and Grace listens, each with Apollo Kotlin: over both WebSocket protocols and over HTTP alone. */
class Talk {
    static final long DEADLINE = 10_000;

    /** What a call answers, in order. */
    static final class Answers<D extends Operation.Data> implements Flow.Subscriber<ApolloResponse<D>> {
        private final LinkedBlockingQueue<ApolloResponse<D>> waiting = new LinkedBlockingQueue<>();
        private Flow.Subscription subscription;

        Answers(ApolloCall<D> call) {
            ReactiveFlowKt.asPublisher(call.toFlow()).subscribe(this);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(ApolloResponse<D> response) {
            waiting.add(response);
        }

        @Override
        public void onError(Throwable error) {
            error.printStackTrace();
        }

        @Override
        public void onComplete() {}

        /** The next answer; null where none comes in time. */
        ApolloResponse<D> poll(long milliseconds) throws InterruptedException {
            return waiting.poll(milliseconds, TimeUnit.MILLISECONDS);
        }

        D next(String what) throws InterruptedException {
            var response = poll(DEADLINE);
            check(response != null, "not in time: " + what);
            check(response.exception == null, what + ": " + response.exception);
            check(!response.hasErrors(), what + ": " + response.errors);
            return response.data;
        }

        void stop() {
            subscription.cancel();
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static SendMutation message(String body) {
        var to = MessageTarget.builder().username("grace").build();
        var key = UUID.randomUUID().toString();
        return new SendMutation(SendMessageInput.builder().to(to).body(body).key(key).build());
    }

    static String send(ApolloClient ada, String text) throws InterruptedException {
        var answers = new Answers<>(ada.mutation(message("apollo-kotlin: " + text + " " + UUID.randomUUID())));
        return answers.next("an answer to " + text).sendMessage.id;
    }

    /** The next event of a message; others are passed over. */
    static EventsSubscription.Events heard(Answers<EventsSubscription.Data> feed) throws InterruptedException {
        while (true) {
            var event = feed.next("an event").events;
            if (event.onMessageSent != null) return event;
        }
    }

    static void listens(String how, ApolloClient ada, ApolloClient grace) throws InterruptedException {
        var feed = new Answers<>(grace.subscription(EventsSubscription.builder().build()));
        // It begins when the server has it: until then what is sent is not heard.
        ApolloResponse<EventsSubscription.Data> first = null;
        for (var until = System.currentTimeMillis() + DEADLINE; first == null; first = feed.poll(250)) {
            check(System.currentTimeMillis() < until, "no event over " + how);
            send(ada, "is anyone listening?");
        }
        check(first.exception == null && !first.hasErrors(), how + ": " + first.exception + first.errors);
        var sent = send(ada, "live");
        EventsSubscription.Events event;
        do event = heard(feed);
        while (!event.onMessageSent.message.id.equals(sent));
        feed.stop();

        var missed = send(ada, "missed");
        var resumed = new Answers<>(grace.subscription(EventsSubscription.builder().after(event.cursor).build()));
        check(heard(resumed).onMessageSent.message.id.equals(missed), "the missed message over " + how);
        var live = send(ada, "live again");
        check(heard(resumed).onMessageSent.message.id.equals(live), "live again over " + how);
        resumed.stop();
        System.out.println("apollo-kotlin: events over " + how);
    }

    static NetworkTransport socket(String url, WsProtocol protocol) {
        return new WebSocketNetworkTransport.Builder().serverUrl(url).wsProtocol(protocol).build();
    }

    static ApolloClient.Builder client(String url, String token) {
        return new ApolloClient.Builder().serverUrl(url).addHttpHeader("authorization", "Bearer " + token);
    }

    @SuppressWarnings("deprecation") // the older protocol is
    public static void main(String[] arguments) throws InterruptedException {
        String url = arguments[0], adas = arguments[1], graces = arguments[2];

        // Models of interfaces, enums and nulls; the same by hashes of persisted queries, by GET and by POST.
        try (var ada = client(url, adas).build(); var persisted = client(url, adas).autoPersistedQueries().build()) {
            for (var client : new ApolloClient[] {ada, persisted, persisted}) {
                var viewer = new Answers<>(client.query(HomeQuery.builder().first(20).build())).next("home").viewer;
                check(viewer.user.person.username.equals("ada"), "she is " + viewer.user.person.username);
                check(viewer.user.person.friendship.rawValue.equals("SELF"), "and herself");
                var names = viewer.conversations.nodes.stream()
                        .map(node -> node.onGroup != null ? node.onGroup.name : node.onDirectConversation.peer.person.displayName)
                        .toList();
                check(names.contains("Grace Hopper") && names.contains("Analytical Engineers"), names.toString());
            }

            var refused = new Answers<>(ada.mutation(message("x".repeat(4_001)))).poll(DEADLINE);
            check(refused.errors.get(0).getExtensions().get("code").equals("BAD_USER_INPUT"), "a refusal: " + refused.errors);

            Function1<Continuation<Object>, Object> params = ignored -> Map.of("authorization", "Bearer " + graces);
            var socketUrl = url.replaceFirst("^http", "ws");
            var transports = Map.of(
                    "graphql-transport-ws", socket(socketUrl, new GraphQLWsProtocol(params)),
                    "graphql-ws, the older one", socket(socketUrl, new SubscriptionWsProtocol(params)),
                    "HTTP", new HttpNetworkTransport.Builder().serverUrl(url).build());
            for (var transport : transports.entrySet()) {
                try (var grace = client(url, graces).subscriptionNetworkTransport(transport.getValue()).build()) {
                    listens(transport.getKey(), ada, grace);
                }
            }
        }
        // Apollo's threads would hold on for a minute.
        System.exit(0);
    }
}
