UPDATE conversations SET
    low_wrote = EXISTS (
        SELECT 1 FROM messages m
        WHERE m.conversation_id = conversations.id AND m.sender_id = conversations.low_user_id
    ),
    high_wrote = EXISTS (
        SELECT 1 FROM messages m
        WHERE m.conversation_id = conversations.id AND m.sender_id = conversations.high_user_id
    );
