UPDATE conversations SET logged_pos = last_pos;
