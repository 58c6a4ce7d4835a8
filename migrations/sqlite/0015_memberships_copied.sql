INSERT INTO memberships (user_id, conversation_id, joined_pos, joined_seq)
    SELECT user_id, conversation_id, 0, joined_seq FROM members;
